//! `snapsift ls` and `snapsift cat`: what is on a disk image, as the scanner sees it.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use snapsift::output::escape;
use snapsift::pipeline::listing::{ListOptions, ListRow, list};
use snapsift::source::filesystem::{ContentReader, FilesystemTree};
use snapsift::source::{MachineDisks, Snapshot, SnapshotKind, VolumeContent};

use super::args::disks::{CatArgs, ListFormat, LsArgs};
use super::destination::Destination;
use super::exit::Exit;
use super::{message, process};

pub(super) fn ls(args: &LsArgs) -> anyhow::Result<Exit> {
    let snapshot = open(&args.targets)?;
    let disks = disks(&snapshot)?;
    let options = ListOptions { files: !args.volumes, hash: args.hash.is_some(), deleted: args.deleted };
    let mut out = BufWriter::new(Destination::open(args.output.as_deref())?);
    let whole = list(disks, options, &mut |row| match args.format {
        ListFormat::Text => writeln!(out, "{}", line(&row)),
        ListFormat::Jsonl => {
            serde_json::to_writer(&mut out, &row)?;
            out.write_all(b"\n")
        }
    })?;
    out.flush()?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()?;
    Ok(if whole { Exit::Complete } else { Exit::Incomplete })
}

pub(super) fn cat(args: &CatArgs) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let snapshot = open(std::slice::from_ref(&args.target))?;
    let disks = disks(&snapshot)?;
    let path = args.path.as_os_str().as_encoded_bytes();
    let shown = escape::bytes_of_path(path);
    let mut found = Vec::new();
    for volume in &disks.volumes {
        let wanted = args.volume.as_ref().is_none_or(|name| *name == volume.name);
        if let VolumeContent::Filesystem(filesystem) = &volume.content
            && wanted
            && let Ok(id) = FilesystemTree::new(&**filesystem).find(path)
        {
            found.push((volume, filesystem, id));
        }
    }
    let (filesystem, id) = match found.as_slice() {
        [] => bail!("there is no {shown} on any volume that can be read; `snapsift ls` lists what there is"),
        [(_, filesystem, id)] => (filesystem, *id),
        several => {
            let names: Vec<&str> = several.iter().map(|(volume, ..)| volume.name.as_str()).collect();
            bail!("{shown} is on several volumes; choose one with --volume: {}", names.join("; "))
        }
    };
    let stat = filesystem.stat(id).with_context(|| format!("cannot read {shown}"))?;
    if stat.file_type.is_symlink() {
        let target = filesystem.link_target(id).with_context(|| format!("cannot read {shown}"))?;
        bail!("{shown} is a symbolic link to {}, and links are not followed", escape::bytes_of_path(&target));
    }
    if !stat.file_type.is_file() && args.stream.is_none() {
        bail!("{shown} is no regular file");
    }
    let content = match &args.stream {
        Some(name) => filesystem.stream(id, name.as_bytes()),
        None => filesystem.content(id),
    }
    .with_context(|| format!("cannot read {shown}"))?;
    let reader = ContentReader::new(&***filesystem, &content);
    let mut out = Destination::open(args.output.as_deref())?;
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < content.size {
        let read =
            reader.read_at(&mut buffer, at).with_context(|| format!("cannot read {shown} at byte {at}"))?;
        if read == 0 {
            break;
        }
        out.write_all(buffer.get(..read).unwrap_or_default())?;
        at += u64::try_from(read)?;
    }
    out.flush()?;
    out.finish()?;
    Ok(Exit::Complete)
}

fn open(targets: &[PathBuf]) -> anyhow::Result<Snapshot> {
    match targets {
        [one] => Snapshot::open(one),
        several => Snapshot::open_machine("machine", several),
    }
    .map_err(|error| anyhow::anyhow!("cannot read {error}"))
}

fn disks(snapshot: &Snapshot) -> anyhow::Result<&MachineDisks> {
    match snapshot.kind() {
        SnapshotKind::Disks(disks) => Ok(disks),
        SnapshotKind::Directory(_) => {
            bail!("a directory is no disk image; the system's own ls and cat read it")
        }
        SnapshotKind::File { .. } => {
            bail!("no disk image: neither a container, a partition table nor a filesystem that is known")
        }
    }
}

fn line(row: &ListRow) -> String {
    let text = |text: &Option<String>| text.as_deref().map(escape::visible).unwrap_or_default().into_owned();
    let notes = || row.notes.iter().fold(String::new(), |all, note| all + "  # " + &escape::visible(note));
    match row.kind {
        "image" => {
            format!(
                "image   {}  {}  {} bytes{}",
                text(&row.path),
                text(&row.format),
                row.size.unwrap_or(0),
                notes()
            )
        }
        "volume" => {
            let named = [&row.label, &row.uuid]
                .into_iter()
                .flatten()
                .fold(String::new(), |all, name| all + "  " + &escape::visible(name));
            format!(
                "volume  {}  {}{named}  {} bytes{}",
                text(&row.volume),
                text(&row.format),
                row.size.unwrap_or(0),
                notes()
            )
        }
        "problem" => {
            message::error(&format!("{} {}{}", text(&row.volume), text(&row.path), notes()));
            format!("problem {} {}{}", text(&row.volume), text(&row.path), notes())
        }
        kind => {
            let letter = match kind {
                "file" => '-',
                "directory" => 'd',
                "symlink" => 'l',
                "fifo" => 'p',
                "socket" => 's',
                "character_device" => 'c',
                "block_device" => 'b',
                _ => '?',
            };
            let time = row.mtime.map(|time| time.to_string()).unwrap_or_else(|| "-".to_owned());
            let mut line = format!(
                "{letter}{}  {:>5} {:>5}  {:>12}  {time:<30}  {}",
                row.mode.as_deref().unwrap_or("-"),
                row.uid.unwrap_or(0),
                row.gid.unwrap_or(0),
                row.size.unwrap_or(0),
                text(&row.path)
            );
            if let Some(stream) = &row.stream {
                line.push(':');
                line.push_str(&escape::visible(stream));
            }
            if let Some(target) = &row.target {
                line.push_str(" -> ");
                line.push_str(&escape::visible(target));
            }
            if row.deleted {
                line.push_str("  (deleted)");
            }
            if let Some(hash) = &row.blake3 {
                line.push_str("  ");
                line.push_str(hash);
            }
            line
        }
    }
}
