//! Swap areas, and images of suspended machines in them.
//!
//! Format: `union swap_header` in the Linux kernel's `include/linux/swap.h`, the
//! mark of a suspended image in `kernel/power/swap.c` (`struct swsusp_header`) and
//! in `suspend.h` of uswsusp. The signature is in the last bytes of the first page.

use crate::source::bytes::{array, u32_le, uuid};

/// What the header of a swap area says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Bytes of a page.
    pub page_size: u32,
    /// Whether the image of a suspended machine lies in it.
    pub suspended: bool,
    /// Its label.
    pub label: Option<String>,
    /// Its UUID.
    pub uuid: Option<String>,
}

/// The marks of a suspended image that stand in the place of the signature.
const SUSPENDED: [&[u8; 9]; 4] = [b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB000"];

/// The mark of TuxOnIce, which stands at the very begin.
const TUX_ON_ICE: [u8; 8] = [0xed, 0xc3, 0x02, 0xe9, 0x98, 0x56, 0xe5, 0x0c];

/// Looks for a swap area's header in the head of a volume.
pub(super) fn detect(head: &[u8]) -> Option<Swap> {
    for page_size in [4_u32 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10] {
        let end = usize::try_from(page_size).ok()?;
        let Some(mark) = array::<10>(head, end - 10) else { break };
        let suspended = SUSPENDED.iter().any(|sign| mark.starts_with(&sign[..]))
            || (array(head, 0) == Some(TUX_ON_ICE) && &mark == b"SWAPSPACE2");
        if !suspended && &mark != b"SWAPSPACE2" && &mark != b"SWAP-SPACE" {
            continue;
        }
        // Label and UUID came with version 1 of the header.
        let version_1 = &mark != b"SWAP-SPACE" && u32_le(head, 1024) == Some(1);
        let number = array::<16>(head, 1036).filter(|number| version_1 && *number != [0; 16]);
        let label = array::<16>(head, 1052).filter(|_| version_1);
        return Some(Swap {
            page_size,
            suspended,
            label: label.and_then(|label| super::text(&label)),
            uuid: number.as_ref().map(uuid),
        });
    }
    (array(head, 0) == Some(TUX_ON_ICE)).then_some(Swap {
        page_size: 4096,
        suspended: true,
        label: None,
        uuid: None,
    })
}
