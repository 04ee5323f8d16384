-- What inventories of clouds say: resources, their names, what may reach what, and which
-- public keys they were set up with. Filled by `fleet assets`; identifiers of Azure are in
-- lower case, since Azure does not tell cases apart.

-- A file that was taken in. `whole`: it lists all resources of its kinds in its scope, so
-- that what is not in it does not exist.
CREATE TABLE IF NOT EXISTS inventory (
  inventory_id BIGINT PRIMARY KEY, source VARCHAR NOT NULL, shape VARCHAR NOT NULL, provider VARCHAR NOT NULL,
  scope VARCHAR NOT NULL, whole INT NOT NULL, taken VARCHAR NOT NULL, digest VARCHAR NOT NULL UNIQUE,
  records BIGINT NOT NULL, skipped BIGINT NOT NULL, fields VARCHAR NOT NULL);
-- A resource. kind: machine, storage, database, vault, identity, network, account, other.
-- `type` is the cloud's own name of it. exposed, usable: yes, no, unknown.
-- criticality, sensitivity: very_high, high, medium, low, unknown. state: as the cloud names it.
CREATE TABLE IF NOT EXISTS asset (
  asset_id VARCHAR PRIMARY KEY, kind VARCHAR NOT NULL, provider VARCHAR NOT NULL, type VARCHAR NOT NULL,
  account VARCHAR NOT NULL, region VARCHAR NOT NULL, name VARCHAR NOT NULL, state VARCHAR NOT NULL,
  exposed VARCHAR NOT NULL, exposed_ports VARCHAR NOT NULL, exposed_why VARCHAR NOT NULL,
  criticality VARCHAR NOT NULL, sensitivity VARCHAR NOT NULL, usable VARCHAR NOT NULL, usable_why VARCHAR NOT NULL,
  owner VARCHAR NOT NULL, inventory_id BIGINT NOT NULL, deleted VARCHAR);
-- Every name by which something else may mean a resource, in lower case. kind: id, arn,
-- endpoint, name, hostname, private_ip, public_ip, instance_id, vm_id, machine_id, disk,
-- access_key, image, host_key, principal.
CREATE TABLE IF NOT EXISTS asset_name (asset_id VARCHAR NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
  inventory_id BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS asset_tag (asset_id VARCHAR NOT NULL, tag VARCHAR NOT NULL, value VARCHAR NOT NULL,
  inventory_id BIGINT NOT NULL);
-- What a resource may do with another. edge: can_authenticate_as, has_permission_to, contains,
-- routes_to; of AWS IAM also has_policy, member_of, bounded_by, from which permissions are worked
-- out (inventory_id is 0 then). `privilege`: owner, write, read, or nothing.
CREATE TABLE IF NOT EXISTS asset_edge (
  from_asset VARCHAR NOT NULL, edge VARCHAR NOT NULL, to_asset VARCHAR NOT NULL, privilege VARCHAR NOT NULL,
  why VARCHAR NOT NULL, inventory_id BIGINT NOT NULL);
-- Statements of policies of AWS IAM, in lines: `policy` is the ARN of a managed one, or the ARN of
-- the user, group or role, `#` and the name of an inline one; of a role's trust, `#trust`.
CREATE TABLE IF NOT EXISTS policy_statement (
  policy VARCHAR NOT NULL, allow INT NOT NULL, actions VARCHAR NOT NULL, not_actions VARCHAR NOT NULL,
  resources VARCHAR NOT NULL, not_resources VARCHAR NOT NULL, conditional INT NOT NULL, principals VARCHAR NOT NULL,
  inventory_id BIGINT NOT NULL);
-- A public key that a machine was set up with. form: sha256, md5, ec2_created, ec2_imported:
-- which of a key's fingerprints it is.
CREATE TABLE IF NOT EXISTS asset_grant (
  asset_id VARCHAR NOT NULL, account VARCHAR NOT NULL, form VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
  why VARCHAR NOT NULL, inventory_id BIGINT NOT NULL);
-- Vulnerabilities of severity high and above, or used in attacks, one by one. `subject` is what the
-- report is of: a name of an asset, or of a scan's target. not_counted: why it does not count.
CREATE TABLE IF NOT EXISTS vulnerability (
  subject VARCHAR NOT NULL, vulnerability VARCHAR NOT NULL, severity VARCHAR NOT NULL, package VARCHAR NOT NULL,
  installed VARCHAR NOT NULL, fixed VARCHAR NOT NULL, remote_code INT NOT NULL, exploited INT NOT NULL,
  epss VARCHAR, purl VARCHAR NOT NULL, inventory_id BIGINT NOT NULL, not_counted VARCHAR NOT NULL);
-- What VEX documents say of a vulnerability (upper case) in a package of a product, each by package
-- URL or name. status: why it does not count, or nothing. of_subject: of which report, or of any.
CREATE TABLE IF NOT EXISTS vex_statement (
  vulnerability VARCHAR NOT NULL, product VARCHAR NOT NULL, package VARCHAR NOT NULL, status VARCHAR NOT NULL,
  why VARCHAR NOT NULL, at_time VARCHAR NOT NULL, of_subject VARCHAR NOT NULL, inventory_id BIGINT NOT NULL);
-- Vulnerabilities that a catalogue has as used in attacks, in upper case.
CREATE TABLE IF NOT EXISTS known_exploited (vulnerability VARCHAR PRIMARY KEY, inventory_id BIGINT NOT NULL);
-- All of a subject, counted as reported; not_counted: how many of them VEX takes away. vulnerable: 1
-- where one that counts is high or critical.
CREATE TABLE IF NOT EXISTS vulnerable (
  subject VARCHAR NOT NULL, vulnerable INT NOT NULL, max_severity VARCHAR NOT NULL, critical BIGINT NOT NULL,
  high BIGINT NOT NULL, other BIGINT NOT NULL, remote_code INT NOT NULL, exploited INT NOT NULL, not_counted BIGINT NOT NULL,
  inventory_id BIGINT NOT NULL);
-- What exposure is worked out from. From an asset, a network interface, a subnet: kind is
-- security_group, subnet, interface, address (public), address6, public_address (by its
-- identifier), private_address, sku, nat (identifier of the public address, port, port
-- behind), network, network_tag, service_account, listed, key_pair, declared,
-- project, block_project_keys, os_login.
CREATE TABLE IF NOT EXISTS asset_link (
  from_id VARCHAR NOT NULL, kind VARCHAR NOT NULL, to_id VARCHAR NOT NULL, inventory_id BIGINT NOT NULL);
-- Inbound rules of security groups and firewalls (of GCP: by network). ports: with commas
-- and ranges, nothing: all. any_v4, any_v6: its sources are all addresses. Targets in lines.
-- A group without rules has one row of no name that allows nothing.
CREATE TABLE IF NOT EXISTS security_rule (
  group_id VARCHAR NOT NULL, name VARCHAR NOT NULL, allow INT NOT NULL, priority BIGINT NOT NULL,
  protocol VARCHAR NOT NULL, ports VARCHAR NOT NULL, any_v4 INT NOT NULL, any_v6 INT NOT NULL,
  all_destinations INT NOT NULL, target_tags VARCHAR NOT NULL, target_accounts VARCHAR NOT NULL,
  inventory_id BIGINT NOT NULL);
-- Key pairs of EC2, a row for each fingerprint; instances name theirs by asset_link.
CREATE TABLE IF NOT EXISTS key_pair (
  name VARCHAR NOT NULL, pair VARCHAR NOT NULL, account VARCHAR NOT NULL, form VARCHAR NOT NULL,
  fingerprint VARCHAR NOT NULL, inventory_id BIGINT NOT NULL);
