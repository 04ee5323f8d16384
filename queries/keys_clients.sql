-- Where accounts connect to by their client configurations.
SELECT machine, on_host, account, home, patterns, hostname, login, port, identity_files, path
FROM v1_client_host
ORDER BY machine, path, patterns, hostname, login
