//! Devices made with `mkfs.btrfs`, and the kernel's mounts of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use snapsift::source::disk::{Disk, FileDisk};
use snapsift::source::filesystem::btrfs::{self, Btrfs};

use crate::support::filesystem::{Tree, image, kernels, run, text};

/// The images of the devices of one filesystem.
pub(crate) struct Made {
    folder: tempfile::TempDir,
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) node: u32,
}

pub(crate) fn disk(path: &Path) -> Arc<dyn Disk> {
    let file = File::open(path).expect("an image");
    let size = file.metadata().expect("facts").len();
    Arc::new(FileDisk::new(file, size))
}

pub(crate) fn open(paths: &[&PathBuf]) -> Btrfs {
    let disks: Vec<Arc<dyn Disk>> = paths.iter().map(|path| disk(path)).collect();
    assert!(disks.iter().all(|disk| btrfs::detect(&**disk)), "not recognised");
    btrfs::open(disks).expect("a filesystem")
}

impl Made {
    /// Images that are not made a filesystem yet.
    pub(crate) fn empty(devices: usize, size: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let paths: Vec<PathBuf> = (0..devices).map(|number| folder.path().join(number.to_string())).collect();
        for path in &paths {
            image(path, size);
        }
        Self { folder, paths, node: 16384 }
    }

    /// A filesystem on so many devices of so many bytes.
    pub(crate) fn new(devices: usize, size: u64, options: &[&str]) -> Self {
        let mut made = Self::empty(devices, size);
        if let Some(at) = options.iter().position(|option| *option == "-n") {
            made.node = options[at + 1].parse().expect("a size");
        }
        let mut arguments = vec!["-q", "-f"];
        arguments.extend(options);
        arguments.extend(made.paths.iter().map(|path| text(path)));
        run("mkfs.btrfs", &arguments);
        made
    }

    pub(crate) fn open(&self) -> Btrfs {
        open(&self.paths.iter().collect::<Vec<_>>())
    }

    /// Copies of the images as they are now.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::empty(self.paths.len(), 0);
        for (from, to) in self.paths.iter().zip(&copy.paths) {
            run("cp", &["--sparse=always", text(from), text(to)]);
        }
        Self { node: self.node, ..copy }
    }

    /// These devices and those of another.
    pub(crate) fn joined(mut self, other: &Self) -> Self {
        for (number, path) in other.paths.iter().enumerate() {
            let to = self.folder.path().join(format!("joined {number}"));
            run("cp", &["--sparse=always", text(path), text(&to)]);
            self.paths.push(to);
        }
        self
    }

    pub(crate) fn mount(&self, options: &str) -> Mounted {
        self.mount_some(&self.paths.iter().collect::<Vec<_>>(), options)
    }

    /// Mounts with only these devices.
    pub(crate) fn mount_some(&self, paths: &[&PathBuf], options: &str) -> Mounted {
        let mut mounted = Mounted::new(&self.folder.path().join("mount"));
        let loops: Vec<String> = paths.iter().map(|path| mounted.attach(path)).collect();
        let devices = loops.iter().map(|path| format!("device={path}")).collect::<Vec<_>>().join(",");
        let options = if options.is_empty() { devices } else { format!("{options},{devices}") };
        run("mount", &["-t", "btrfs", "-o", &options, &loops[0], text(&mounted.at)]);
        mounted
    }

    /// Mounts the first device, a seed, and lets it grow into the others.
    pub(crate) fn grow(&self, options: &str) -> Mounted {
        let mut mounted = self.mount_some(&[&self.paths[0]], options);
        for path in &self.paths[1..] {
            let device = mounted.attach(path);
            run("btrfs", &["device", "add", "-f", &device, text(&mounted.at)]);
        }
        run("mount", &["-o", "remount,rw", text(&mounted.at)]);
        mounted
    }

    /// What the kernel sees below the top-level subvolume.
    pub(crate) fn kernels(&self) -> Tree {
        let mount = self.mount("ro,subvolid=5");
        kernels(mount.path())
    }
}

/// A mount that ends with the value. The kernel knows devices by their UUIDs: of a
/// filesystem and its copy only one may be mounted at a time.
pub(crate) struct Mounted {
    at: PathBuf,
    loops: Vec<String>,
}

impl Mounted {
    fn new(at: &Path) -> Self {
        std::fs::create_dir_all(at).expect("a mount point");
        Self { at: at.to_path_buf(), loops: Vec::new() }
    }

    fn attach(&mut self, path: &Path) -> String {
        let told = Command::new("/usr/sbin/losetup").args(["--find", "--show"]).arg(path).output();
        let told = told.expect("losetup");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let device = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        self.loops.push(device.clone());
        device
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A program that another thread starts at this moment may hold it still.
        for _ in 0..100 {
            let ended = Command::new("umount").arg(&self.at).output();
            if ended.is_ok_and(|output| output.status.success()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        for device in &self.loops {
            let _ = Command::new("btrfs").args(["device", "scan", "--forget", device]).output();
            let _ = Command::new("/usr/sbin/losetup").args(["--detach", device]).status();
        }
    }
}
