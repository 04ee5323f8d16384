//! HTTP Authorization headers.

use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    let mut of = shelf.of("HTTP Authorization header");
    let basic = [("Pair", "«user»:«!pw»")];
    for (form, path, template) in [
        (
            "curl",
            "home/«user_dir»/.bash_history",
            "curl -s -H 'Authorization: Basic «Pair|b64»' https://api.«domain»/v1/items\n",
        ),
        (
            "JSON",
            "srv/«app_dir»/headers.json",
            "{\"headers\": {\"Accept\": \"application/json\", \"Authorization\": \"Basic «Pair|b64»\"}}\n",
        ),
        (
            "YAML",
            "etc/«app_dir»/scrape.yml",
            "remote:\n  url: https://metrics.«domain»/push\n  headers:\n    Authorization: Basic «Pair|b64»\n",
        ),
        (
            "nginx",
            "etc/nginx/conf.d/«app_dir».conf",
            "location /api/ {\n    proxy_pass https://«host»;\n    proxy_set_header Authorization \"Basic «Pair|b64»\";\n}\n",
        ),
        ("proxy", "etc/«app_dir»/proxy.conf", "header = Proxy-Authorization: Basic «Pair|b64»\n"),
        (
            "log",
            "var/log/«app_dir»/trace.log",
            "2026-05-05 DEBUG > GET /v1/items HTTP/1.1\n2026-05-05 DEBUG > Host: api.«domain»\n2026-05-05 DEBUG > Authorization: Basic «Pair|b64»\n",
        ),
        (
            "HAR",
            "home/«user_dir»/session.har",
            "{\"request\":{\"method\":\"GET\",\"headers\":[{\"name\":\"Host\",\"value\":\"api.«domain»\"},{\"name\":\"Authorization\",\"value\":\"Basic «Pair|b64»\"}]}}\n",
        ),
        (
            "python",
            "srv/«app_dir»/client.py",
            "session.headers.update({'Authorization': 'Basic «Pair|b64»'})\n",
        ),
        (
            "C#",
            "home/«user_dir»/src/Api.cs",
            "client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(\"Basic\", \"«Pair|b64»\");\n",
        ),
        ("environment", "srv/«app_dir»/.env", "OTEL_HEADERS=\"Authorization=Basic «Pair|b64»\"\n"),
    ] {
        of.file_with(&format!("Basic, {form}"), &basic, path, template);
    }
    for (form, path, template) in [
        (
            "curl",
            "home/«user_dir»/.bash_history",
            "curl -H \"Authorization: Bearer «!alnum.40»\" https://api.«domain»/v1/items\n",
        ),
        ("JSON", "srv/«app_dir»/headers.json", "{\"Authorization\": \"Bearer «!url.48»\"}\n"),
        (
            "python",
            "srv/«app_dir»/client.py",
            "HEADERS = {\n    'Accept': 'application/json',\n    'Authorization': 'Bearer «!alnum.36»',\n}\n",
        ),
        (
            "javascript",
            "var/www/«app_dir»/api.js",
            "axios.defaults.headers.common['Authorization'] = 'Bearer «!hex.64»';\n",
        ),
        ("go", "home/«user_dir»/go/api.go", "req.Header.Set(\"Authorization\", \"Bearer «!alnum.44»\")\n"),
        (
            "java",
            "home/«user_dir»/src/Api.java",
            "connection.setRequestProperty(\"Authorization\", \"Bearer «!alnum.32»\");\n",
        ),
        (
            "JWT",
            "home/«user_dir»/.zsh_history",
            ": 1731000000:0;curl -H 'Authorization: Bearer «!jwt.own»' https://api.«domain»/me\n",
        ),
        (
            "JWT in a log",
            "var/log/«app_dir»/trace.log",
            "> Authorization: Bearer «!jwt.own»\n> User-Agent: curl/8.5.0\n",
        ),
        (
            "postman",
            "home/«user_dir»/collection.json",
            "{\"item\":[{\"request\":{\"header\":[{\"key\":\"Authorization\",\"value\":\"Bearer «!url.43»\"}]}}]}\n",
        ),
        (
            "http file",
            "home/«user_dir»/api.http",
            "GET https://api.«domain»/v1/items\nAuthorization: Bearer «!alnum.48»\nAccept: application/json\n",
        ),
        (
            "ApiKey",
            "home/«user_dir»/.bash_history",
            "curl -H 'Authorization: ApiKey «!b64.45»' https://«org».es.«awsregion».aws.cloud.es.io/_search\n",
        ),
        (
            "token",
            "srv/«app_dir»/report.sh",
            "curl -H 'Authorization: Token «!hex.40»' https://netbox.«domain»/api/dcim/devices/\n",
        ),
    ] {
        of.file(&format!("Bearer, {form}"), path, template);
    }
    of.encodings("Bearer", ("HEADER", "Authorization: Bearer «!alnum.40»"), None)
        .setting("Bearer", 3, "REQUEST_HEADERS", "Authorization: Bearer «!alnum.40»")
        .near("variable", "srv/«app_dir»/a.sh", "curl -H \"Authorization: Bearer $TOKEN\" https://api.«domain»/\ncurl -H \"Authorization: Bearer ${API_TOKEN}\" https://api.«domain»/\n")
        .near("call", "srv/«app_dir»/b.py", "headers = {'Authorization': f'Bearer {token}', 'X': 'Basic ' + b64encode(pair).decode()}\n")
        .near("placeholder", "home/«user_dir»/c.md", "    Authorization: Bearer <token>\n    Authorization: Bearer YOUR_ACCESS_TOKEN\n    Authorization: Basic {{credentials}}\n")
        .near("samples of the RFCs", "home/«user_dir»/d.md", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\nAuthorization: Bearer mF_9.B5f-4.1JqM\nAuthorization: Basic dXNlcjpwYXNz\nAuthorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW\n")
        .near("challenge", "var/log/«app_dir»/e.log", "< HTTP/1.1 401 Unauthorized\n< WWW-Authenticate: Basic realm=\"internal\"\n< WWW-Authenticate: Bearer realm=\"api.«domain»\", error=\"invalid_token\"\n")
        .near("digest and negotiate", "var/log/«app_dir»/f.log", "> Authorization: Digest username=\"«user»\", realm=\"x\", nonce=\"«hex.32»\", uri=\"/\", response=\"«hex.32_2»\"\n> Proxy-Authorization: Negotiate «hex.12»\n")
        .near("prose", "home/«user_dir»/g.md", "Basic authentication sends the Authorization header with every request. Bearer tokens are better. Basic understanding of HTTP is assumed.\n")
        .near("redacted", "var/log/«app_dir»/h.log", "> Authorization: Bearer [REDACTED]\n> Authorization: Basic ********\n> Authorization: Bearer eyJ***\n")
        .near("workflow", "home/«user_dir»/.github/workflows/i.yml", "      - run: curl -H \"Authorization: Bearer ${{ secrets.GITHUB_TOKEN }}\" https://api.github.com/\n")
        .near("openapi", "srv/«app_dir»/openapi.yaml", "components:\n  securitySchemes:\n    bearerAuth:\n      type: http\n      scheme: bearer\n      bearerFormat: JWT\n      description: \"Authorization: Bearer <JWT>\"\n");
}
