use super::*;

/// A key that ssh-keygen made for this test.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBQVTti0ywP7njGjCX1qbimZ0d6XdvQ6V+6KHn60RPDY";

fn read(text: &str) -> Option<Entry> {
    match line(text.as_bytes()) {
        Line::Entry(entry) => Some(*entry),
        Line::Nothing | Line::Faulty => None,
    }
}

fn usable(text: &str) -> bool {
    read(text).is_some_and(|entry| entry.options.is_ok())
}

/// As a real sshd 9.2 took and refused them.
#[test]
fn lines_that_sshd_takes_and_refuses() {
    for taken in [
        KEY.to_owned(),
        format!("  \t{KEY} a comment\r\n"),
        KEY.replace(' ', "\t  "),
        format!("restrict, {KEY}"),
        format!("RESTRICT,Pty {KEY}"),
        format!("command=\"a \\\"b\\\" c\"  {KEY} c"),
        format!("permitopen=\"host:80\",permitlisten=\"8080\",tunnel=\"any\" {KEY}"),
        format!("expiry-time=\"20300101\" {KEY}"),
        format!("environment=\"A=b c\" {KEY}"),
    ] {
        assert!(usable(&taken), "{taken}");
    }
    for refused in [
        format!("\u{feff}{KEY}"),
        format!("frobnicate {KEY}"),
        format!("no-foo {KEY}"),
        format!("expiry-time=\"2030-01-01\" {KEY}"),
        format!("command=\"a\",command=\"b\" {KEY}"),
        format!("command=a {KEY}"),
        format!("command=\"a {KEY}"),
        format!("permitopen=\"host\" {KEY}"),
        format!("tunnel=\"x\" {KEY}"),
        format!("restrictpty {KEY}"),
        format!("ssh-rsa {}", KEY.split(' ').nth(1).unwrap()),
        KEY.get(..KEY.len() - 3).unwrap().to_owned(),
        format!("# {KEY}"),
    ] {
        assert!(!usable(&refused), "{refused}");
    }
}

#[test]
fn options_are_told() {
    let text =
        format!("restrict,pty,from=\"10.*\",expiry-time=\"203001010000Z\",command=\"id\" {KEY} ana@build");
    let entry = read(&text).unwrap();
    let options = entry.options.unwrap();
    assert_eq!(
        options.off,
        [Toggle::PortForwarding, Toggle::AgentForwarding, Toggle::X11Forwarding, Toggle::UserRc]
    );
    assert_eq!((options.from.as_deref(), options.command.as_deref()), (Some("10.*"), Some("id")));
    // date -u -d 2030-01-01 +%s
    assert_eq!(options.expiries, [Expiry { seconds: 1_893_456_000, is_utc: true }]);
    assert_eq!(entry.comment.as_deref(), Some("ana@build"));
    assert_eq!(entry.key.algorithm, "ed25519");
}

#[test]
fn keys_are_found_in_any_text() {
    let text = format!("<Value>{KEY}</Value>\0\"{KEY} x\"\n AAAA \n no AAAA");
    assert_eq!(keys_in_text(text.as_bytes()).count(), 2);
}

#[test]
fn hostile_lines_end() {
    for text in
        [vec![b'"'; 100_000], vec![b','; 60_000], vec![0; 10], vec![0xff; 70_000], b"command=\"".repeat(5000)]
    {
        assert!(!matches!(line(&text), Line::Entry(_)));
    }
}

proptest::proptest! {
    /// Whatever stands before a key: the line is an entry or is none.
    #[test]
    fn any_options_end(options in "[ -~\t]{0,80}", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let text = format!("{options} {KEY}");
        if let Line::Entry(entry) = line(text.as_bytes()) {
            proptest::prop_assert_eq!(entry.key.algorithm, "ed25519");
        }
        let _ = line(&bytes);
        keys_in_text(&bytes).for_each(drop);
        let _ = (crate::formats::sshd_config::line(&bytes), crate::formats::passwd::user(&bytes), crate::formats::passwd::shadow(&bytes));
    }
}
