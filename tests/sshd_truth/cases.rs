//! The cases: configurations, accounts and files, with the state that the manual
//! pages of OpenSSH and PAM give them.

use snapsift::finding::Refusal;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) config: String,
    pub(crate) user: &'static str,
    /// `authorized_keys` of the account.
    pub(crate) lines: Option<String>,
    /// Other files, root's.
    pub(crate) files: Vec<(&'static str, String)>,
    /// A script that is run in the snapshot's root; `HOME` is the account's.
    pub(crate) script: &'static str,
    pub(crate) key: &'static str,
    /// Log in with a certificate of the key for this principal.
    pub(crate) certificate: bool,
    pub(crate) principal: &'static str,
    /// More arguments for `ssh-keygen -s`; the key that signs.
    pub(crate) signing: &'static [&'static str],
    pub(crate) authority: &'static str,
    /// Ask about the certificate, which lies in the account's folder, and not about its
    /// authority.
    pub(crate) shown: bool,
    pub(crate) state: &'static str,
    pub(crate) reason: Option<Refusal>,
}

impl Case {
    fn user(mut self, user: &'static str) -> Self {
        self.user = user;
        self
    }

    fn lines(mut self, lines: &str) -> Self {
        self.lines = Some(lines.to_owned());
        self
    }

    fn no_lines(mut self) -> Self {
        self.lines = None;
        self
    }

    fn file(mut self, path: &'static str, text: &str) -> Self {
        self.files.push((path, text.to_owned()));
        self
    }

    fn script(mut self, script: &'static str) -> Self {
        self.script = script;
        self
    }

    fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self.lines = Some(format!("{{{key}}}\n"));
        self
    }

    fn certificate(mut self, principal: &'static str) -> Self {
        (self.certificate, self.principal) = (true, principal);
        self
    }

    /// A certificate that the account has; it is asked about.
    fn shown(mut self, principal: &'static str) -> Self {
        self.shown = true;
        self.certificate(principal)
    }

    fn signing(mut self, arguments: &'static [&'static str]) -> Self {
        self.signing = arguments;
        self
    }

    fn authority(mut self, name: &'static str) -> Self {
        self.authority = name;
        self
    }

    fn why(mut self, reason: Refusal) -> Self {
        self.reason = Some(reason);
        self
    }
}

/// A case of the account alice, with a plain line of an Ed25519 key, without PAM.
fn case(name: &'static str, state: &'static str, config: &str) -> Case {
    Case {
        name,
        config: format!("{config}\nUsePAM no\n"),
        user: "alice",
        lines: Some("{ed25519}\n".to_owned()),
        files: Vec::new(),
        script: ":",
        key: "ed25519",
        certificate: false,
        principal: "",
        signing: &["-V", "-1h:+1h"],
        authority: "ca",
        shown: false,
        state,
        reason: None,
    }
}

/// The same with PAM.
fn pam(name: &'static str, state: &'static str, config: &str) -> Case {
    let mut case = case(name, state, config);
    case.config = format!("{config}\nUsePAM yes\n");
    case
}

const OK: &str = "accepted";
const SOME: &str = "restricted";
const NO: &str = "refused";
const FORWARD: &str = "forwarding_only";
const OPEN: &str = "unverified";

pub(crate) fn all() -> Vec<Case> {
    let mut all = accounts();
    all.extend(hosts_and_modules());
    all.extend(configuration());
    all.extend(matching());
    all.extend(lines());
    all.extend(places());
    all.extend(certificates());
    all.extend(shown_certificates());
    all
}

fn accounts() -> Vec<Case> {
    vec![
        case("plain", OK, ""),
        pam("plain with PAM", OK, ""),
        case("a password", OK, "").user("bob"),
        case("locked", NO, "").user("locked").why(Refusal::AccountLocked),
        pam("locked with PAM", OK, "").user("locked"),
        case("locked without a hash", NO, "").user("bang").why(Refusal::AccountLocked),
        pam("locked without a hash, with PAM", OK, "").user("bang"),
        case("expired", NO, "").user("expired").why(Refusal::AccountExpired),
        pam("expired with PAM", NO, "").user("expired").why(Refusal::AccountExpired),
        pam("expires later", OK, "").user("later"),
        pam("the password must be changed", NO, "").user("changing").why(Refusal::PasswordExpired),
        case("the password must be changed, which only PAM asks", OK, "").user("changing"),
        pam("an old password", NO, "").user("aged").why(Refusal::PasswordExpired),
        case("an old password without PAM", OK, "").user("aged"),
        case("a shell that is not there", NO, "").user("noshell").why(Refusal::Shell),
        case("a shell that is none", FORWARD, "").user("nologin"),
        case("no shell, no forwarding", NO, "AllowTcpForwarding no")
            .user("nologin")
            .why(Refusal::NothingAllowed),
        case("no shell, no forwarding by the line", NO, "")
            .user("nologin")
            .lines("restrict {ed25519}")
            .why(Refusal::NothingAllowed),
        case("an empty shell", OK, "").user("defaultshell"),
        case("a shell without the right to run it", NO, "")
            .user("bob")
            .script("cp bin/sh bin/mine; chmod 644 bin/mine; sed -i 's#/bin/bash#/bin/mine#' etc/passwd")
            .why(Refusal::Shell),
        case("the nologin file", FORWARD, "").script("echo closed >etc/nologin"),
        pam("the nologin file with PAM", NO, "").script("echo closed >etc/nologin").why(Refusal::NoLogin),
        pam("root and the nologin file", OK, "").user("root").script("echo closed >etc/nologin"),
    ]
}

/// What libwrap and modules of PAM say.
fn hosts_and_modules() -> Vec<Case> {
    let deny = |name, state, text: &str| case(name, state, "").file("etc/hosts.deny", text);
    let module = |name, state, line: &str| {
        let text = format!("{line}\naccount required pam_unix.so\nsession required pam_unix.so\n");
        pam(name, state, "").file("etc/pam.d/sshd", &text)
    };
    vec![
        deny("no host", NO, "# all\nsshd: ALL\n").why(Refusal::HostsAccess),
        deny("no host for no service", NO, "ALL:\\\n ALL\n").why(Refusal::HostsAccess),
        deny("no host for other services", OK, "ALL EXCEPT sshd: ALL\nin.ftpd: ALL\n"),
        deny("no host of a network", NO, "sshd : 127.0.0.0/255.0.0.0\n").why(Refusal::HostsAccess),
        deny("no host of another network", OK, "sshd: 10.0.0.0/8 192.168. [::1]\n"),
        deny("no host but this", OK, "ALL: ALL EXCEPT 127.0.0.1\n"),
        deny("no host but another", NO, "ALL: ALL EXCEPT 127.0.0.2\n").why(Refusal::HostsAccess),
        deny("an allowed host", OK, "ALL: ALL\n").file("etc/hosts.allow", "sshd: 127.\n"),
        deny("a denied host", NO, "")
            .file("etc/hosts.allow", "sshd: 127. : deny\n")
            .why(Refusal::HostsAccess),
        deny("an allowed host after a denied one", OK, "sshd: ALL: allow\n")
            .file("etc/hosts.allow", "sshd: 10.: deny\n"),
        module("a list of access", OPEN, "account required pam_access.so")
            .file("etc/security/access.conf", "-:alice:ALL\n"),
        module("an empty list of access", OK, "account required pam_access.so")
            .file("etc/security/access.conf", "# nothing\n"),
        module(
            "a list of access elsewhere",
            OPEN,
            "account required pam_access.so accessfile=/etc/ssh/keys/a",
        )
        .file("etc/ssh/keys/a", "-:alice:ALL\n"),
        module("a condition", OPEN, "account required pam_succeed_if.so user = bob"),
        module(
            "a condition that does not count",
            OK,
            "account [default=ignore] pam_succeed_if.so user = bob",
        ),
        module(
            "a list of accounts",
            OPEN,
            "account required pam_listfile.so item=user sense=deny file=/etc/ssh/keys/l onerr=fail",
        )
        .file("etc/ssh/keys/l", "alice\n"),
        module("all are refused", OPEN, "account required pam_deny.so"),
    ]
}

fn configuration() -> Vec<Case> {
    vec![
        case("keys are off", NO, "PubkeyAuthentication no").why(Refusal::PubkeyAuthenticationOff),
        case("root by default", OK, "").user("root"),
        case("root not at all", NO, "PermitRootLogin no").user("root").why(Refusal::RootLoginOff),
        case("root without a command", NO, "PermitRootLogin forced-commands-only")
            .user("root")
            .why(Refusal::RootNeedsCommand),
        case("root with a command", SOME, "PermitRootLogin forced-commands-only")
            .user("root")
            .lines("command=\"/bin/true\" {ed25519}"),
        case("first value wins", OK, "PubkeyAuthentication yes\nPubkeyAuthentication no"),
        case("spelled otherwise", NO, "pubkeyauthentication = \"no\" # comment")
            .why(Refusal::PubkeyAuthenticationOff),
        case("denied", NO, "DenyUsers bob al*").why(Refusal::DenyUsers),
        case("denied elsewhere", OK, "DenyUsers alice@10.0.0.0/8"),
        case("denied here", NO, "DenyUsers alice@127.0.0.0/8"),
        case("allowed", OK, "AllowUsers bob\nAllowUsers alice"),
        case("not allowed", NO, "AllowUsers bob").why(Refusal::AllowUsers),
        case("allowed from here", OK, "AllowUsers alice@127.0.0.1"),
        case("allowed from elsewhere", NO, "AllowUsers alice@10.*"),
        case("group allowed", OK, "AllowGroups staff2"),
        case("group not allowed", NO, "AllowGroups wheel2").why(Refusal::AllowGroups),
        case("primary group denied", NO, "DenyGroups alice").why(Refusal::DenyGroups),
        case("deny before allow", NO, "AllowUsers alice\nDenyGroups staff2").why(Refusal::DenyGroups),
        case("a second factor", SOME, "AuthenticationMethods publickey,password"),
        case("one of two ways", OK, "AuthenticationMethods publickey,password publickey"),
        case("no way with keys", NO, "AuthenticationMethods password").why(Refusal::AuthenticationMethods),
        case("RSA", OK, "").key("rsa"),
        case("a short RSA key", OK, "").key("rsa1024"),
        case("RSA size required", NO, "RequiredRSASize 3072").key("rsa").why(Refusal::KeySize),
        case("ECDSA", OK, "").key("ecdsa"),
        case("only Ed25519", NO, "PubkeyAcceptedAlgorithms ssh-ed25519").key("rsa").why(Refusal::Algorithm),
        case("not RSA", NO, "PubkeyAcceptedAlgorithms -rsa-sha2-*,ssh-rsa")
            .key("rsa")
            .why(Refusal::Algorithm),
        case("only SHA-1", OK, "PubkeyAcceptedAlgorithms +ssh-rsa").key("rsa"),
        case("the old name", NO, "PubkeyAcceptedKeyTypes ecdsa-*").why(Refusal::Algorithm),
        case("revoked", NO, "RevokedKeys /etc/ssh/keys/revoked")
            .file("etc/ssh/keys/revoked", "# list\n{other}\n{ed25519} x\n")
            .why(Refusal::Revoked),
        case("another is revoked", OK, "RevokedKeys /etc/ssh/keys/revoked")
            .file("etc/ssh/keys/revoked", "{other}\n"),
        krl("revoked by a list", NO, "{ed25519}\n").why(Refusal::Revoked),
        krl("revoked by a list of hashes", NO, "sha256: {ed25519}\n").why(Refusal::Revoked),
        krl("a list of another", OK, "{other}\nsha1: {other}\nserial: 7\n"),
        case("no list of revoked keys", NO, "RevokedKeys /etc/ssh/keys/none")
            .why(Refusal::RevokedKeysUnreadable),
        case("forced command", SOME, "ForceCommand /bin/true"),
        case("no forwarding", SOME, "AllowTcpForwarding no"),
        case("forwarding disabled", SOME, "DisableForwarding yes"),
        case("an unknown keyword", OPEN, "AllowUsrs alice"),
        case("a wrong value", OPEN, "PubkeyAuthentication maybe"),
        case("an open quote", OPEN, "AllowUsers \"alice"),
    ]
}

/// `RevokedKeys` in the form of `ssh-keygen -k`.
fn krl(name: &'static str, state: &'static str, keys: &str) -> Case {
    case(name, state, "RevokedKeys /etc/ssh/keys/revoked")
        .file("etc/ssh/keys/list", keys)
        .file("etc/ssh/keys/ca.pub", "{ca}\n")
        .script("ssh-keygen -q -k -f etc/ssh/keys/revoked -s etc/ssh/keys/ca.pub etc/ssh/keys/list")
}

fn matching() -> Vec<Case> {
    vec![
        case("a block overrides", NO, "Match User alice\nPubkeyAuthentication no\nMatch all"),
        case("a block of another", OK, "PubkeyAuthentication yes\nMatch User bob\nPubkeyAuthentication no"),
        case(
            "the first block wins",
            OK,
            "Match User a*\nPubkeyAuthentication yes\nMatch User alice\nPubkeyAuthentication no",
        ),
        case("a block by group", NO, "Match Group staff2,!wheel2\nPubkeyAuthentication no"),
        case("a block that leaves a group out", OK, "Match Group staff2,!wheel2\nPubkeyAuthentication no")
            .user("bob"),
        case(
            "a block by address",
            OK,
            "PubkeyAuthentication no\nMatch Address 127.0.0.0/8\nPubkeyAuthentication yes",
        ),
        case(
            "a block by another address",
            NO,
            "PubkeyAuthentication no\nMatch Address 10.0.0.0/8,!10.1.0.0/16\nPubkeyAuthentication yes",
        ),
        case("negations alone", OK, "Match User !bob\nPubkeyAuthentication no"),
        case("all but one", NO, "Match User *,!bob\nPubkeyAuthentication no"),
        case("two criteria", OK, "Match User alice Address 10.*\nPubkeyAuthentication no"),
        case("local port", OK, "Match LocalPort 22\nPubkeyAuthentication no"),
        case("match all", NO, "Match all\nDenyUsers alice").why(Refusal::DenyUsers),
        case("a block's list replaces", NO, "AllowUsers alice bob\nMatch Address 127.*\nAllowUsers dave")
            .why(Refusal::AllowUsers),
        case("include first", NO, "Include /etc/ssh/sshd_config.d/*.conf\nPubkeyAuthentication yes")
            .file("etc/ssh/sshd_config.d/50-x.conf", "PubkeyAuthentication no\n"),
        case("includes in order", OK, "Include sshd_config.d/*.conf")
            .file("etc/ssh/sshd_config.d/20-no.conf", "PubkeyAuthentication no\n")
            .file("etc/ssh/sshd_config.d/10-yes.conf", "PubkeyAuthentication yes\n"),
        case("include that is not there", OK, "Include /etc/ssh/none/*.conf"),
        case("a block ends with its file", NO, "Include /etc/ssh/sshd_config.d/a.conf\nDenyUsers alice")
            .file("etc/ssh/sshd_config.d/a.conf", "Match User bob\nX11Forwarding no\n")
            .why(Refusal::DenyUsers),
        case(
            "include in a block that does not match",
            OK,
            "Match User bob\nInclude /etc/ssh/sshd_config.d/a.conf",
        )
        .file(
            "etc/ssh/sshd_config.d/a.conf",
            "PubkeyAuthentication no\nMatch User alice\nPubkeyAuthentication no\n",
        ),
        case(
            "include in a block that matches",
            NO,
            "Match User alice\nInclude /etc/ssh/sshd_config.d/a.conf",
        )
        .file("etc/ssh/sshd_config.d/a.conf", "PubkeyAuthentication no\n"),
        case("an include of itself", OPEN, "Include /etc/ssh/sshd_config"),
        case("not in a block", OPEN, "Match User bob\nPort 22\nMatch all"),
        case("a wrong criterion", OPEN, "Match Colour red\nPubkeyAuthentication no"),
    ]
    .into_iter()
    .map(|mut case| {
        // Behind a block, `UsePAM` would be in it.
        let config = case.config.replace("\nUsePAM no\n", "\n");
        case.config = format!("UsePAM no\n{config}");
        case
    })
    .collect()
}

fn lines() -> Vec<Case> {
    let line = |name, state, line: &str| case(name, state, "").lines(line);
    vec![
        line("restrict", SOME, "restrict {ed25519}"),
        line("restrict but", SOME, "restrict,port-forwarding {ed25519}"),
        line("no-pty", SOME, "no-pty {ed25519}"),
        line("a command still forwards", SOME, "command=\"/bin/true\" {ed25519}"),
        line("from here", SOME, "from=\"127.0.0.0/8\" {ed25519}"),
        line("from a pattern", SOME, "from=\"127.*\" {ed25519}"),
        line("from elsewhere", NO, "from=\"10.0.0.0/8,192.168.*\" {ed25519}").why(Refusal::From),
        line("from a name", NO, "from=\"localhost\" {ed25519}").why(Refusal::From),
        line("from all but here", NO, "from=\"127.0.0.0/8,!127.0.0.1\" {ed25519}").why(Refusal::From),
        line("expired long ago", NO, "expiry-time=\"20200101\" {ed25519}").why(Refusal::Expired),
        line("expires later", SOME, "expiry-time=\"209901010000Z\" {ed25519}"),
        line("the earlier expiry", NO, "expiry-time=\"20990101\",expiry-time=\"202001010000\" {ed25519}")
            .why(Refusal::Expired),
        line("no time", NO, "expiry-time=\"2099-01-01\" {ed25519}").why(Refusal::Options),
        line("an unknown option", NO, "frobnicate {ed25519}").why(Refusal::Options),
        line("twice", NO, "command=\"a\",command=\"b\" {ed25519}").why(Refusal::Options),
        line("principals on a plain line", NO, "principals=\"alice\" {ed25519}").why(Refusal::Principals),
        line("a comma at the end", OK, "environment=\"A=b\", {ed25519}"),
        line("tabs and CRLF", OK, "\t{ed25519}\r\n"),
        line("any case", SOME, "NO-PTY {ed25519} x"),
        line("a good line behind a bad one", OK, "frobnicate {ed25519}\n{ed25519}"),
        line("a plain line behind one for elsewhere", OK, "from=\"10.0.0.1\" {ed25519}\n{ed25519}"),
        line("the first line decides", SOME, "restrict {ed25519}\n{ed25519}"),
        line("several keys", OK, "# mine\n\n{other} x\n{rsa}\nrestrict {ecdsa}\n{ed25519} last"),
        line("binary around it", OK, "\u{1}\u{2}\u{fffd} x\n{ed25519}\nssh-ed25519 AAAA\n"),
    ]
}

fn places() -> Vec<Case> {
    vec![
        case("the second file", OK, "").no_lines().script("echo x >HOME/.ssh/x; cp HOME/.ssh/x HOME/.ssh/authorized_keys2").file("home/alice/.ssh/authorized_keys2", "").lines("{ed25519}"),
        case("a file for each account", OK, "AuthorizedKeysFile /etc/ssh/keys/%u").no_lines().file("etc/ssh/keys/alice", "{ed25519}\n"),
        case("by number", OK, "AuthorizedKeysFile none /etc/ssh/keys/%U.%%").no_lines().file("etc/ssh/keys/2000.%", "{ed25519}\n"),
        case("home and more", OK, "AuthorizedKeysFile %h/.ssh/a .ssh/authorized_keys"),
        case("not the usual file", NO, "AuthorizedKeysFile /etc/ssh/keys/%u").why(Refusal::FileNotUsed),
        case("no file", NO, "AuthorizedKeysFile none").why(Refusal::FileNotUsed),
        case("all can write it", NO, "").script("chmod 666 HOME/.ssh/authorized_keys").why(Refusal::StrictModes),
        case("all can write it, and no matter", OK, "StrictModes no").script("chmod 666 HOME/.ssh/authorized_keys"),
        case("all can write the home", NO, "").script("chmod 777 HOME").why(Refusal::StrictModes),
        case("the own group can write it", OK, "").script("chmod 664 HOME/.ssh/authorized_keys; chmod 770 HOME"),
        case("another group can write it", NO, "").script("chgrp 3000 HOME/.ssh/authorized_keys; chmod 664 HOME/.ssh/authorized_keys").why(Refusal::StrictModes),
        case("somebody else's", NO, "").script("chown 2001 HOME/.ssh/authorized_keys; chmod 644 HOME/.ssh/authorized_keys").why(Refusal::StrictModes),
        case("root's", OK, "").script("chown 0 HOME/.ssh/authorized_keys; chmod 644 HOME/.ssh/authorized_keys"),
        case("root's alone", NO, "").script("chown 0:0 HOME/.ssh/authorized_keys; chmod 600 HOME/.ssh/authorized_keys").why(Refusal::FileUnreadable),
        case("a link within the home", OK, "").script("mv HOME/.ssh/authorized_keys HOME/k; ln -s ../k HOME/.ssh/authorized_keys"),
        case("a link to where all can write", NO, "").script("mkdir -p srv/keys; chmod 777 srv/keys; mv HOME/.ssh/authorized_keys srv/keys/k; ln -s /srv/keys/k HOME/.ssh/authorized_keys").why(Refusal::StrictModes),
        case("a link elsewhere", OK, "").script("mkdir -p srv/keys; mv HOME/.ssh/authorized_keys srv/keys/k; ln -s /../../srv/keys/k HOME/.ssh/authorized_keys"),
        case("a directory that the account cannot enter", NO, "AuthorizedKeysFile /srv/keys/in/%u").no_lines().file("srv/keys/in/alice", "{ed25519}\n").script("chmod 700 srv/keys/in").why(Refusal::FileUnreadable),
    ]
}

fn certificates() -> Vec<Case> {
    vec![
        case("an authority's key is no key", SOME, "").lines("cert-authority {ed25519}"),
        case("a certificate by a line", SOME, "").lines("cert-authority {ca}").certificate("alice"),
        case("a certificate for a principal", SOME, "")
            .lines("cert-authority,principals=\"web\" {ca}")
            .certificate("web"),
        case("a certificate of a trusted authority", SOME, "TrustedUserCAKeys /etc/ssh/keys/ca")
            .no_lines()
            .file("etc/ssh/keys/ca", "{ca}\n")
            .certificate("alice"),
        case("an authority for elsewhere", NO, "")
            .lines("cert-authority,from=\"10.0.0.1\" {ca}")
            .certificate("alice")
            .why(Refusal::From),
        case("a certificate for a locked account", NO, "")
            .user("locked")
            .lines("cert-authority {ca}")
            .certificate("locked")
            .why(Refusal::AccountLocked),
    ]
}

/// What is said of certificates themselves.
fn shown_certificates() -> Vec<Case> {
    const FOREVER: &[&str] = &["-V", "always:forever"];
    const LATER: &[&str] = &["-V", "+1h:+2h"];
    const EXPIRED: &[&str] = &["-V", "-2h:-1h"];
    const BARE: &[&str] = &["-V", "always:forever", "-O", "clear"];
    const COMMAND: &[&str] = &["-V", "always:forever", "-O", "force-command=/bin/true"];
    const HERE: &[&str] = &["-V", "always:forever", "-O", "source-address=127.0.0.0/8"];
    const ELSEWHERE: &[&str] = &["-V", "always:forever", "-O", "source-address=10.0.0.0/8,192.0.2.1"];
    const UNKNOWN: &[&str] = &["-V", "always:forever", "-O", "critical:x@example.org=1"];
    const EXTENSION: &[&str] = &["-V", "always:forever", "-O", "extension:x@example.org=1"];
    const SHA1: &[&str] = &["-V", "always:forever", "-t", "ssh-rsa"];
    const SHA256: &[&str] = &["-V", "always:forever", "-t", "rsa-sha2-256"];
    let by_line = |name, state, line: &str| case(name, state, "").lines(line).shown("alice").signing(FOREVER);
    let trusted = |name, state, config: &str| {
        case(name, state, &format!("TrustedUserCAKeys /etc/ssh/keys/ca\n{config}"))
            .no_lines()
            .file("etc/ssh/keys/ca", "# the authority\n{ca}\n")
            .shown("alice")
            .signing(FOREVER)
    };
    let listed = |name, state, names: &str| {
        trusted(name, state, "AuthorizedPrincipalsFile /etc/ssh/keys/%u").file("etc/ssh/keys/alice", names)
    };
    vec![
        trusted("of a trusted authority", OK, ""),
        trusted("for another account", "none", "").shown("bob"),
        trusted("for several", OK, "").shown("bob,alice"),
        trusted("good until later", SOME, "").signing(&["-V", "-1h:+1h"]),
        trusted("not good any more", NO, "").signing(EXPIRED).why(Refusal::CertificateTime),
        trusted("not good yet", NO, "").signing(LATER).why(Refusal::CertificateTime),
        trusted("without permits", SOME, "").signing(BARE),
        trusted("with a command", SOME, "").signing(COMMAND),
        trusted("from here", SOME, "").signing(HERE),
        trusted("from elsewhere", NO, "").signing(ELSEWHERE).why(Refusal::From),
        trusted("with an unknown option", NO, "").signing(UNKNOWN).why(Refusal::CertificateOption),
        trusted("with an unknown extension", OK, "").signing(EXTENSION),
        trusted("that no line of the account has", NO, "PubkeyAuthentication no")
            .why(Refusal::PubkeyAuthenticationOff),
        trusted("whose key is revoked", NO, "RevokedKeys /etc/ssh/keys/revoked")
            .file("etc/ssh/keys/revoked", "{ed25519}\n")
            .why(Refusal::Revoked),
        trusted("whose authority is revoked", NO, "RevokedKeys /etc/ssh/keys/revoked")
            .file("etc/ssh/keys/revoked", "{ca}\n")
            .why(Refusal::Revoked),
        trusted("whose algorithm is off", NO, "PubkeyAcceptedAlgorithms ssh-ed25519").why(Refusal::Algorithm),
        trusted("whose algorithm is on", OK, "PubkeyAcceptedAlgorithms *-cert-*"),
        trusted("whose signature is off", NO, "CASignatureAlgorithms rsa-sha2-512").why(Refusal::Algorithm),
        listed("for a listed name", OK, "# names\n\nweb\n").shown("web"),
        listed("for a name that is not listed", "none", "web\n"),
        listed("for a name with options", SOME, "no-pty,from=\"127.0.0.1\" web\n").shown("web"),
        listed("for a name with a bad option", "none", "frobnicate web\n").shown("web"),
        listed("for a name for elsewhere", NO, "from=\"10.0.0.1\" web\n").shown("web").why(Refusal::From),
        listed("for the second line", OK, "frobnicate web\nweb # here\n").shown("web"),
        trusted("without a file of names", "none", "AuthorizedPrincipalsFile /etc/ssh/none/%u"),
        trusted("with a file of names that all can write", "none", "AuthorizedPrincipalsFile .ssh/names")
            .script("echo alice >HOME/.ssh/names; chown 2000 HOME/.ssh/names; chmod 666 HOME/.ssh/names"),
        by_line("by a line", OK, "cert-authority {ca}"),
        by_line("by a line, for another", "none", "cert-authority {ca}").shown("bob"),
        by_line("by a line with names", OK, "cert-authority,principals=\"x,web\" {ca}").shown("web"),
        by_line("by a line with other names", "none", "cert-authority,principals=\"x\" {ca}"),
        by_line("by a line with a command", SOME, "cert-authority,command=\"/bin/true\" {ca}"),
        by_line("by a line with another command", NO, "cert-authority,command=\"/bin/false\" {ca}")
            .signing(COMMAND)
            .why(Refusal::CertificateOption),
        by_line("by a line of its key", "none", "{ca}"),
        by_line("by a second line", OK, "cert-authority,from=\"10.0.0.1\" {ca}\ncert-authority {ca}"),
        by_line("signed with RSA", OK, "cert-authority {rsa}").authority("rsa"),
        by_line("signed with RSA and SHA-256", OK, "cert-authority {rsa}").authority("rsa").signing(SHA256),
        by_line("signed with RSA and SHA-1", NO, "cert-authority {rsa}")
            .authority("rsa")
            .signing(SHA1)
            .why(Refusal::Algorithm),
        by_line("for a locked account", NO, "cert-authority {ca}")
            .user("locked")
            .shown("locked")
            .why(Refusal::AccountLocked),
    ]
}
