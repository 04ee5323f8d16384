//! Scans that are given as files, folders or standard input, plain or compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use snapsift::fleet::store::{Store, Streams};
use snapsift::output::escape;

use super::message;

/// Adds all of them; names those that are kept out.
pub(super) fn add(store: &mut Store, given: &[PathBuf]) -> anyhow::Result<Streams> {
    let mut adding = store.adding()?;
    for path in files(given)? {
        if path == Path::new("-") {
            let mut stream = plain(io::stdin().lock()).context("cannot read standard input")?;
            adding.load("standard input", &mut stream)?;
            continue;
        }
        let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        let cannot = || format!("cannot read {name}");
        let file = File::open(&path).with_context(cannot)?;
        let mut stream = plain(BufReader::new(file)).with_context(cannot)?;
        adding.load(&name, &mut stream)?;
    }
    let streams = adding.finish()?;
    for kept in &streams.kept_out {
        message::error(&format!("{}: kept out: {}", kept.stream, kept.reason));
    }
    Ok(streams)
}

/// A stream without its compression, which its first bytes tell.
fn plain<'r>(mut stream: impl BufRead + 'r) -> anyhow::Result<Box<dyn BufRead + 'r>> {
    let start = stream.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(stream))));
    }
    if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(BufReader::new(Frames { stream: Some(stream), decoder: None })));
    }
    Ok(Box::new(stream))
}

/// The frames of a zstd stream, one after the other.
struct Frames<R: BufRead> {
    stream: Option<R>,
    decoder: Option<Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                let read = decoder.read(bytes)?;
                if read > 0 || bytes.is_empty() {
                    return Ok(read);
                }
            }
            if let Some(decoder) = self.decoder.take() {
                self.stream = Some(decoder.into_inner());
            }
            let Some(mut stream) = self.stream.take() else { return Ok(0) };
            if stream.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let decoder = StreamingDecoder::new(stream).map_err(io::Error::other)?;
            self.decoder = Some(Box::new(decoder));
        }
    }
}

/// The files, with those of folders (`*.jsonl`, `*.jsonl.gz`, `*.jsonl.zst`, not deeper), in
/// the order of their names.
fn files(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    const ENDS: [&[u8]; 3] = [b".jsonl", b".jsonl.gz", b".jsonl.zst"];
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let name = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {name}"))? {
            let entry = entry.with_context(|| format!("cannot read {name}"))?.path();
            let bytes = entry.as_os_str().as_encoded_bytes();
            if ENDS.iter().any(|end| bytes.ends_with(end)) {
                inside.push(entry);
            }
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}
