//! What volumes hold, as the programs that make it write it.

use std::path::Path;

use snapsift::finding::Reason;
use snapsift::source::volume::Kind;

use super::disks::{found, lines, memory, named, output, problems, write};
use crate::support::filesystem::{image, run, text};

/// Whether a program is there; a test that needs it says so.
fn has(program: &str) -> bool {
    let there = ["/usr/sbin", "/sbin", "/usr/bin"].iter().any(|dir| Path::new(dir).join(program).exists());
    if !there {
        println!("not run: {program} is not installed");
    }
    there
}

#[test]
fn whole_disk_filesystems() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    let mkfs: [(&str, &[&str], &str, u64); 13] = [
        ("mkfs.ext4", &["-q", "-F"], "ext4", 16),
        ("mkfs.ext2", &["-q", "-F", "-b", "1024"], "ext4", 16),
        ("mkfs.ext3", &["-q", "-F"], "ext4", 16),
        ("mkfs.xfs", &["-q", "-f"], "xfs", 320),
        ("mkfs.btrfs", &["-q", "-f"], "btrfs", 128),
        ("mkfs.ntfs", &["-q", "-F", "-f"], "ntfs", 16),
        ("mkfs.fat", &["-F", "32"], "fat", 64),
        ("mkfs.fat", &["-F", "16"], "fat", 64),
        ("mkfs.fat", &["-F", "12"], "fat", 4),
        ("mkfs.exfat", &[], "exfat", 16),
        ("mkfs.f2fs", &["-q", "-f"], "unsupported: F2FS", 64),
        ("mkfs.jfs", &["-q"], "unsupported: JFS", 32),
        ("mkfs.reiserfs", &["-q", "-f", "-f"], "unsupported: ReiserFS", 64),
    ];
    for (program, arguments, kind, size) in mkfs {
        if !has(program) {
            continue;
        }
        let _ = std::fs::remove_file(&path);
        image(&path, size << 20);
        run(program, &[arguments, &[text(&path)]].concat());
        let found = found(&path);
        assert_eq!(lines(&found), [format!("disk 0: {kind}")], "{program}");
        assert_eq!(named(&found, "whole disk").disk.size(), size << 20);
        assert_eq!(problems(&found), [""; 0], "{program}");
        assert!(found.gaps.is_empty());
    }
}

#[test]
fn other_layers_and_images_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("source");
    std::fs::create_dir(&source).expect("a directory");
    std::fs::write(source.join("file"), vec![7; 100_000]).expect("a file");
    let path = dir.path().join("disk");
    if has("mkfs.erofs") {
        output("mkfs.erofs", &[text(&path), text(&source)], "");
        assert_eq!(lines(&found(&path)), ["disk 0: unsupported: EROFS"]);
    }
    // Those for which there is no program here, by the place of their signature.
    let placed: [(usize, &[u8], &str); 15] = [
        (32, b"NXSB", "APFS"),
        (3, b"ReFS\0\0\0\0", "ReFS"),
        (1024, b"H+\x00\x04", "HFS+"),
        (1024, b"HX\x00\x05", "HFSX"),
        (0x1055c, &0x1954_0119_u32.to_le_bytes(), "UFS2"),
        (0x255c, &0x0001_1954_u32.to_be_bytes(), "UFS1"),
        (1024, &0xa501_fcf5_u32.to_le_bytes(), "VxFS"),
        ((128 << 10) + 5 * 1024, &0x00ba_b10c_u64.to_le_bytes(), "ZFS"),
        (1 << 20, &0xc001_d00d_u32.to_le_bytes(), "VMFS"),
        (0xc00, b"PRIVHEAD", "Windows dynamic disk (LDM)"),
        (512, &0x8256_4557_u32.to_le_bytes(), "BSD disklabel"),
        ((4 << 20) - 1024, b"Intel Raid ISM Cfg Sig. 1.1.00", "Intel firmware RAID"),
        ((4 << 20) - 512, &0xde11_de11_u32.to_be_bytes(), "DDF RAID"),
        (0x1018, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "bcache"),
        (0, b"dmvdo001", "VDO"),
    ];
    for (offset, signature, kind) in placed {
        let mut bytes = vec![0; 4 << 20];
        bytes[offset..offset + signature.len()].copy_from_slice(signature);
        let found = snapsift::source::volume::find(&[memory(bytes)]);
        assert_eq!(lines(&found), [format!("disk 0: unsupported: {kind}")]);
        assert_eq!(found.volumes[0].kind.reason(), Some(Reason::Unsupported));
    }
}

#[test]
fn hostile_36_encrypted_volumes_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    for (version, kind) in [("luks1", "LUKS1"), ("luks2", "LUKS2")] {
        if !has("cryptsetup") {
            break;
        }
        let _ = std::fs::remove_file(&path);
        image(&path, 64 << 20);
        output("sfdisk", &["-q", text(&path)], "label: gpt\nstart=1MiB\n");
        let part = dir.path().join("part");
        image(&part, 62 << 20);
        let arguments = ["luksFormat", "--type", version, "-q", "--pbkdf", "pbkdf2"];
        let arguments = [&arguments[..], &["--pbkdf-force-iterations", "1000", text(&part), "-"]].concat();
        output("cryptsetup", &arguments, "a pass phrase");
        write(&path, 1 << 20, &std::fs::read(&part).expect("the part"));
        let whole = found(&path);
        assert_eq!(lines(&whole), [format!("disk 0, partition 1: encrypted: {kind}")]);
        assert_eq!(whole.volumes[0].kind.reason(), Some(Reason::Encrypted));
        assert_eq!(problems(&whole), [""; 0]);
        // LUKS2 has a second header.
        if version == "luks2" {
            write(&path, 1 << 20, &[0; 4096]);
            assert_eq!(lines(&found(&path)), ["disk 0, partition 1: encrypted: LUKS2"]);
        }
    }
    // BitLocker: the boot sectors of Windows 7 and later, and of BitLocker To Go.
    let mut boot = vec![0; 1 << 20];
    boot[..11].copy_from_slice(b"\xeb\x58\x90-FVE-FS-");
    boot[510..512].copy_from_slice(b"\x55\xaa");
    let seven = snapsift::source::volume::find(&[memory(boot.clone())]);
    assert_eq!(lines(&seven), ["disk 0: encrypted: BitLocker"]);
    boot[3..11].copy_from_slice(b"MSWIN4.1");
    boot[0x1a8..0x1b8].copy_from_slice(b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01");
    let to_go = snapsift::source::volume::find(&[memory(boot)]);
    assert_eq!(lines(&to_go), ["disk 0: encrypted: BitLocker"]);
    assert_eq!(to_go.volumes[0].kind.reason(), Some(Reason::Encrypted));
}

#[test]
fn swap_areas_and_suspended_machines() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    for page_size in [4096_u32, 8192, 16384, 65536] {
        image(&path, 4 << 20);
        let uuid = "12345678-9abc-def0-1234-56789abcdef0";
        let size = page_size.to_string();
        output("mkswap", &["-p", &size, "-L", "my swap", "-U", uuid, text(&path)], "");
        for suspended in [false, true] {
            if suspended {
                write(&path, u64::from(page_size) - 20, b"SWAPSPACE2S1SUSPEND\0");
            }
            let found = found(&path);
            let Kind::Swap(swap) = &found.volumes[0].kind else { panic!("{:?}", lines(&found)) };
            assert_eq!(swap.page_size, page_size);
            assert_eq!(swap.suspended, suspended);
            assert_eq!(swap.label.as_deref(), Some("my swap"));
            assert_eq!(swap.uuid.as_deref(), Some(uuid));
            assert_eq!(problems(&found), [""; 0]);
        }
    }
}
