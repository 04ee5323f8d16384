//! Private keys in their containers.

use crate::page::Coding;
use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    ssh(shelf);
    private(shelf);
}

fn ssh(shelf: &mut Shelf) {
    let mut of = shelf.of("insecure SSH private key");
    for place in [
        "home/«user_dir»/.ssh/id_ed25519",
        "root/.ssh/id_rsa",
        "home/«user_dir»/.ssh/deploy",
        "etc/ssh/ssh_host_ed25519_key",
        "srv/backup/keys/«app_dir»",
    ] {
        of.file("OpenSSH", place, "«!pem.openssh»\n").file("PuTTY", &format!("{place}.ppk"), "«!ppk»\n");
    }
    of.file_as(Coding::Crlf, "OpenSSH, CRLF", "Users/«user_dir»/.ssh/id_rsa", "«!pem.openssh»\n")
        .file_as(Coding::Crlf, "PuTTY, CRLF", "Users/«user_dir»/«app_dir».ppk", "«!ppk»\n")
        .file_as(Coding::Utf16 { little: true, mark: true }, "PuTTY", "Users/«user_dir»/saved.ppk", "«!ppk»\n")
        .file_as(Coding::Utf16 { little: true, mark: true }, "OpenSSH", "Users/«user_dir»/saved.txt", "«!pem.openssh»\n")
        .file("PKCS#1 of ssh-keygen", "home/«user_dir»/.ssh/id_rsa", "«!pem.rsa»\n")
        .file("SEC1 of ssh-keygen", "home/«user_dir»/.ssh/id_ecdsa", "«!pem.ec»\n")
        .file("DSA of ssh-keygen", "root/.ssh/id_dsa", "«!pem.dsa»\n")
        .file("cloud-init", "var/lib/cloud/instance/user-data.txt", "#cloud-config\nwrite_files:\n- path: /home/deploy/.ssh/id_rsa\n  permissions: '0600'\n  content: |\n    «!pem.openssh|indent»\n")
        .file("ansible", "srv/ansible/host_vars/«app_dir».yml", "---\ndeploy_key: |\n    «!pem.openssh|indent»\ndeploy_user: git\n")
        .file("terraform state", "srv/infra/terraform.tfstate", "{\"resources\":[{\"type\":\"tls_private_key\",\"instances\":[{\"attributes\":{\"algorithm\":\"ED25519\",\"private_key_openssh\":\"«!pem.openssh|json»\\n\"}}]}]}\n")
        .file("environment", "srv/«app_dir»/.env", "DEPLOY_HOST=git.«domain»\nSSH_PRIVATE_KEY=\"«!pem.openssh|json»\\n\"\n")
        .file("shell script", "home/«user_dir»/setup.sh", "#!/bin/sh\ncat > ~/.ssh/id_deploy <<KEY\n«!pem.openssh»\nKEY\nchmod 600 ~/.ssh/id_deploy\n")
        .file_with("kubernetes", &[("Whole", "«!pem.openssh»\n")], "home/«user_dir»/git-key.yaml", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/ssh-auth\ndata:\n  ssh-privatekey: «Whole|b64»\nmetadata:\n  name: git\n")
        .file_with("base64 with lines", &[("Whole", "«!pem.openssh»\n")], "home/«user_dir»/key.b64", "«Whole|b64wrap»\n")
        .near("public half", "home/«user_dir»/.ssh/id_ed25519.pub", "«sshpub»\n")
        .near("authorized keys", "home/«user_dir»/.ssh/authorized_keys", "from=\"10.0.0.0/8\" «sshpub»\n«sshpub_2»\n")
        .near("label alone", "home/«user_dir»/check.py", "if text.startswith('«label.openssh»'):\n    raise ValueError('a private key')\n")
        .near("placeholder", "srv/«app_dir»/values.yaml", "sshKey: |\n  «label.openssh»\n  <your key here>\n  -----END OPENSSH PRIVATE KEY-----\n")
        .near("dots", "home/«user_dir»/README.md", "    «label.openssh»\n    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE...\n    -----END OPENSSH PRIVATE KEY-----\n")
        .near("known hosts", "home/«user_dir»/.ssh/known_hosts", "git.«domain» «sshpub»\n|1|«b64.20»|«b64.20_2» «sshpub_2»\n")
        .near("config", "home/«user_dir»/.ssh/config", "Host bastion\n  HostName bastion.«domain»\n  User deploy\n  IdentityFile ~/.ssh/id_ed25519\n");
}

fn private(shelf: &mut Shelf) {
    let mut of = shelf.of("private key");
    for (form, value) in [
        ("PKCS#8 RSA", "«!pem.pkcs8»"),
        ("PKCS#8 EC", "«!pem.ecpkcs8»"),
        ("PKCS#8 Ed25519", "«!pem.ed25519»"),
        ("SEC1", "«!pem.ec»"),
        ("PKCS#1", "«!pem.rsa»"),
    ] {
        of.file(form, "etc/ssl/private/«app_dir».key", &format!("{value}\n"))
            .file(form, "etc/nginx/tls/«app_dir».pem", &format!("«pem.certificate»\n{value}\n"))
            .file_as(Coding::Crlf, form, "ProgramData/«app_dir»/server.key", &format!("{value}\n"));
    }
    of.file_as(Coding::Utf16 { little: true, mark: true }, "PKCS#8", "Users/«user_dir»/tls.key", "«!pem.pkcs8»\n")
        .file("JSON", "etc/«app_dir»/tls.json", "{\"cert\":\"«pem.certificate|json»\\n\",\"key\":\"«!pem.pkcs8|json»\\n\"}\n")
        .file("environment", "srv/«app_dir»/.env", "TLS_KEY=\"«!pem.ecpkcs8|json»\"\n")
        .file("parameters before", "etc/ssl/private/ec.pem", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n«!pem.ec»\n")
        .file("yaml", "srv/ansible/group_vars/web.yml", "tls_key: |\n    «!pem.pkcs8|indent»\n")
        .file("DSA", "etc/ssl/private/old.pem", "«!pem.dsa»\n")
        .file("PGP", "home/«user_dir»/signing.asc", "«!pgp.private»\n")
        .file_with("kubernetes TLS", &[("Cert", "«pem.certificate»\n"), ("Whole", "«!pem.pkcs8»\n")], "home/«user_dir»/tls.yaml", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\ndata:\n  tls.crt: «Cert|b64»\n  tls.key: «Whole|b64»\n")
        .file_with("kubeconfig", &[("Cert", "«pem.certificate»\n"), ("Whole", "«!pem.rsa»\n")], "etc/kubernetes/admin.conf", "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: «Cert|b64»\n    server: https://«ip»:6443\n  name: kubernetes\nusers:\n- name: kubernetes-admin\n  user:\n    client-certificate-data: «Cert|b64»\n    client-key-data: «Whole|b64»\n")
        .file("C source", "home/«user_dir»/firmware/key.h", "static const char key[] = \"«!pem.ecpkcs8|c»\\n\";\n")
        .near("certificate", "etc/ssl/certs/«app_dir».crt", "«pem.certificate»\n")
        .near("public key", "etc/«app_dir»/jwt.pub", "«pem.public»\n«pem.ecpublic»\n")
        .near("nothing in it", "srv/«app_dir»/test.pem", "«pem.hollow»\n")
        .near("label alone", "home/«user_dir»/pem.go", "const head = \"«label.pkcs8»\"\nconst tail = \"-----END PRIVATE KEY-----\"\n")
        .near("expression", "home/«user_dir»/rules.toml", "regex = '''(?i)-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY-----[\\s\\S-]{64,}?KEY-----'''\n")
        .near("placeholder", "srv/«app_dir»/values.yaml", "key: |\n  «label.rsa»\n  REPLACE_ME\n  «endlabel.rsa»\n")
        .near("parameters", "etc/ssl/dhparam.pem", "-----BEGIN DH PARAMETERS-----\n«b64.264»\n-----END DH PARAMETERS-----\n")
        .near("public PGP", "etc/apt/trusted.gpg.d/«app_dir».asc", "«pgp.public»\n")
        .near("documentation", "home/«user_dir»/tls.md", "The file begins with\n\n    «label.rsa»\n    MIIEpAIBAAKCAQEA...\n    «endlabel.rsa»\n")
        .near("request", "etc/ssl/«app_dir».csr", "-----BEGIN CERTIFICATE REQUEST-----\n«b64.600»\n-----END CERTIFICATE REQUEST-----\n");
}
