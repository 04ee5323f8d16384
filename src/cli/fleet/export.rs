//! `snapsift fleet export`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use snapsift::fleet::export::{Files, Format, export};
use snapsift::fleet::query::QueryError;
use snapsift::output::escape;

use super::super::args::fleet_govern::{ExportFormat, FleetExportArgs};
use super::super::destination::Destination;
use super::super::exit::Exit;

pub(super) fn run(args: &FleetExportArgs) -> anyhow::Result<Exit> {
    let format = match args.format {
        ExportFormat::Ocsf => Format::Ocsf,
        ExportFormat::Sarif => Format::Sarif,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Defectdojo => Format::DefectDojo,
        ExportFormat::Graphml => Format::GraphMl,
        ExportFormat::Neo4j => Format::Neo4j,
        ExportFormat::Bloodhound => Format::BloodHound,
    };
    let store = super::open_to_read(&args.store)?;
    let mut files = if format.is_folder() {
        let Some(folder) = args.output.as_deref().filter(|path| *path != Path::new("-")) else {
            bail!("this format is several files: give a folder with --output");
        };
        let shown = escape::bytes_of_path(folder.as_os_str().as_encoded_bytes());
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {shown}"))?;
        Output { path: Some(folder.to_owned()), folder: true }
    } else {
        Output { path: args.output.clone(), folder: false }
    };
    export(&store, format, args.paths_only, &mut files)?;
    Ok(Exit::Complete)
}

/// A file, standard output, or the files of a folder.
struct Output {
    path: Option<PathBuf>,
    folder: bool,
}

impl Files for Output {
    fn file(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let path = match &self.path {
            Some(folder) if self.folder => Some(folder.join(name)),
            path => path.clone(),
        };
        // A broken pipe keeps its kind, by which it is told apart.
        let failed = |error: anyhow::Error| match error.downcast::<io::Error>() {
            Ok(error) => error,
            Err(error) => io::Error::other(format!("{error:#}")),
        };
        let mut out = BufWriter::new(Destination::open(path.as_deref()).map_err(failed)?);
        write(&mut out)?;
        out.flush()?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map_err(failed)?;
        Ok(())
    }
}
