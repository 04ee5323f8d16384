//! `snapsift fleet report`.

use std::io::{self, BufWriter, Write as _};

use snapsift::fleet::report;
use snapsift::output::escape;

use super::super::args::fleet::FleetReportArgs;
use super::super::destination::Destination;
use super::super::exit::Exit;
use super::super::message;

pub(super) fn run(args: &FleetReportArgs) -> anyhow::Result<Exit> {
    let store = super::open_to_read(&args.store)?;
    let destination = Destination::open(Some(&args.output))?;
    let to_stdout = destination.is_stdout();
    let mut out = BufWriter::new(destination);
    let written = report::write(&store, &mut out)?;
    out.flush()?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    if !args.quiet && !to_stdout {
        let name = escape::bytes_of_path(args.output.as_os_str().as_encoded_bytes());
        let count =
            |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        writeln!(
            io::stdout().lock(),
            "{name}: {}, {}, {}",
            count(written.machines, "machine"),
            count(written.findings, "finding"),
            count(written.paths, "attack path"),
        )?;
        if written.left_out > 0 {
            message::note(
                &format!(
                    "{} rows are left out, since a browser could not hold them: the report says where, \
                     and `snapsift fleet query` has them",
                    written.left_out
                ),
                args.quiet,
            );
        }
    }
    Ok(Exit::Complete)
}
