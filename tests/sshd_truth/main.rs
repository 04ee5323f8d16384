//! Verdicts against the truth: a real sshd, started from a snapshot's own
//! configuration and accounts in a namespace and a chroot, takes and refuses keys
//! exactly as was said of them.
//!
//! The snapshot is a Debian root with OpenSSH's server, built by
//! `testdata/make-debian-root.sh`; so this needs root and debootstrap, and here the
//! OpenSSH client. Each case changes the configuration, the accounts or the files,
//! asks for the verdict, and then logs in with the key.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod world;

use std::fmt::Write as _;

use cases::Case;
use snapsift::finding::{RestrictionKind, Verdict};
use support::debian;
use world::{Seen, World};

#[test]
fn a_real_sshd_decides_as_the_verdicts_say() {
    let Some(root) = debian::root() else { return };
    let Some(world) = World::new(&root) else { return };
    let cases = cases::all();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        if let Err(why) = check(&world, case) {
            let _ = writeln!(wrong, "{}: {why}", case.name);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn check(world: &World, case: &Case) -> Result<(), String> {
    world.prepare(case);
    let server = world.start();
    let port = server.as_ref().map_or(1, world::Server::port);
    let with_client = world.verdict(case, Some(port));
    let seen = match &server {
        Ok(server) => server.try_key(world, case),
        Err(_) => Seen::default(),
    };
    let log = server.map_or_else(|log| log, world::Server::stop);
    if case.state == "none" {
        // Nothing is said of a certificate that is for somebody else.
        let all = [with_client, world.verdict(case, None)];
        let none = all.iter().all(Option::is_none) && seen == Seen::default();
        return if none { Ok(()) } else { Err(format!("{all:?}; sshd: {seen:?}\n{log}")) };
    }
    let verdict = with_client.ok_or("no verdict")?;
    if verdict.state() != case.state {
        return Err(format!("{verdict:?}, where {} was expected; sshd: {seen:?}\n{log}", case.state));
    }
    if let (Some(reason), Verdict::Refused { reason: said, .. }) = (case.reason, &verdict)
        && *said != reason
    {
        return Err(format!("{verdict:?}, where {reason:?} was expected"));
    }
    let has = |kind| verdict.restrictions().iter().any(|one| one.kind == kind);
    let needs_more =
        has(RestrictionKind::SecondFactor) || (has(RestrictionKind::CertAuthority) && !case.certificate);
    let session = matches!(verdict, Verdict::Accepted | Verdict::Restricted { .. }) && !needs_more;
    let forwarding = verdict.authenticates() && !needs_more && !has(RestrictionKind::NoPortForwarding);
    if (seen.session, seen.forwarding) != (session, forwarding) {
        return Err(format!("{verdict:?}, and sshd: {seen:?}\n{log}"));
    }
    // Whoever does not know where the client is must not say more than is true.
    match world.verdict(case, None).ok_or("no verdict")? {
        Verdict::Accepted if !seen.session => Err("accepted from everywhere, and refused here".to_owned()),
        refused @ Verdict::Refused { .. } if seen.session || seen.forwarding => {
            Err(format!("{refused:?} from everywhere, and taken here"))
        }
        _ => Ok(()),
    }
}
