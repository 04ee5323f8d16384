//! The fence around `unsafe`: the vector kernels.
//!
//! [`Simd::new`] is the only way to a kernel and returns it only after the
//! machine was asked for the instructions it uses: having a [`Simd`] is the proof
//! that its kernel may run. Inside, the intrinsics are safe functions of a
//! `#[target_feature]` function; what is `unsafe` is to call that function and to
//! load a vector from a slice.
//!
//! Why: on an AVX-512 machine 12 to 15 GB/s a core where the portable kernel has
//! 0.5 (`cargo bench --bench kernels`). The portable kernel gives the same matches
//! and is tested against every other one.
#![expect(unsafe_code, reason = "vector instructions and loads; see above")]

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod nibbles;
#[cfg(target_arch = "x86_64")]
mod steps;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::buckets::Tables;
use super::{Candidates, Kernel, scalar};

/// Whether this machine has the instructions of the kernel.
pub(super) fn is_available(kernel: Kernel) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        match kernel {
            Kernel::Ssse3 => is_x86_feature_detected!("ssse3"),
            Kernel::Avx2 => is_x86_feature_detected!("avx2"),
            Kernel::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vbmi")
            }
            Kernel::Portable | Kernel::Neon => false,
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        kernel == Kernel::Neon && std::arch::is_aarch64_feature_detected!("neon")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = kernel;
        false
    }
}

/// A vector kernel whose instructions this machine has, with its tables.
pub(super) struct Simd {
    tables: Tables,
    kernel: Vector,
}

enum Vector {
    #[cfg(target_arch = "x86_64")]
    Ssse3(Box<nibbles::Nibbles>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Box<nibbles::Nibbles>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Box<x86::Halves>),
    #[cfg(target_arch = "aarch64")]
    Neon(Box<nibbles::Nibbles>),
}

impl Simd {
    /// `None` where this machine does not have the kernel.
    pub(super) fn new(kernel: Kernel, tables: &Tables) -> Option<Self> {
        if !is_available(kernel) {
            return None;
        }
        let vector = match kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Ssse3 => Vector::Ssse3(Box::new(nibbles::Nibbles::new(tables))),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => Vector::Avx2(Box::new(nibbles::Nibbles::new(tables))),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => Vector::Avx512(Box::new(x86::Halves::new(tables))),
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => Vector::Neon(Box::new(nibbles::Nibbles::new(tables))),
            _ => return None,
        };
        Some(Self { tables: tables.clone(), kernel: vector })
    }

    /// As [`super::Prefilter::find`].
    pub(super) fn find(&self, text: &[u8], from: usize, to: usize, out: &mut Candidates) -> usize {
        let wide = self.tables.groups > 1;
        // SAFETY: `self` exists, so `new` found the instructions of its kernel on
        // this machine.
        let reached = unsafe {
            match &self.kernel {
                #[cfg(target_arch = "x86_64")]
                Vector::Ssse3(nibbles) if wide => x86::ssse3::<true>(nibbles, text, from, to, out),
                #[cfg(target_arch = "x86_64")]
                Vector::Ssse3(nibbles) => x86::ssse3::<false>(nibbles, text, from, to, out),
                #[cfg(target_arch = "x86_64")]
                Vector::Avx2(nibbles) => match self.tables.groups {
                    1 => x86::avx2::<1>(nibbles, text, from, to, out),
                    2 => x86::avx2::<2>(nibbles, text, from, to, out),
                    _ => x86::avx2::<4>(nibbles, text, from, to, out),
                },
                #[cfg(target_arch = "x86_64")]
                Vector::Avx512(halves) if self.tables.groups > 2 => {
                    x86::avx512::<4>(halves, text, from, to, out)
                }
                #[cfg(target_arch = "x86_64")]
                Vector::Avx512(halves) => x86::avx512::<2>(halves, text, from, to, out),
                #[cfg(target_arch = "aarch64")]
                Vector::Neon(nibbles) => neon::neon(nibbles, wide, text, from, to, out),
            }
        };
        if reached < to && !out.is_full() {
            return scalar(&self.tables, text, reached, to, out);
        }
        reached
    }

    /// As [`super::Prefilter::lanes`].
    pub(super) fn lanes(&self, text: &[u8], words: &mut [u64]) {
        match &self.kernel {
            // SAFETY: `self` exists, so `new` found the instructions of its kernel
            // on this machine.
            #[cfg(target_arch = "x86_64")]
            Vector::Avx2(_) => unsafe { lanes::avx2(text, words) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Vector::Avx512(_) => unsafe { lanes::avx512(text, words) },
            #[cfg(target_arch = "x86_64")]
            Vector::Ssse3(_) => super::lanes::portable(text, words),
            #[cfg(target_arch = "aarch64")]
            Vector::Neon(_) => super::lanes::portable(text, words),
        }
    }
}
