//! Shared access keys and signatures of Azure's message services, and Logic Apps.

use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    shared_keys(shelf);
    signatures(shelf);
    iot(shelf);
    logic_apps(shelf);
}

fn shared_keys(shelf: &mut Shelf) {
    let name = "Azure shared access key";
    let plain = "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=«!his.servicebus»";
    let mut of = shelf.of(name);
    of.setting("Service Bus", 7, "SERVICE_BUS_CONNECTION", plain)
        .setting("Service Bus, send", 2, "SERVICEBUSCONNSTR_OUT", "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=«!his.servicebussend»;EntityPath=«app»")
        .setting("Event Hubs", 4, "EVENTHUBCONNSTR_MAIN", "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=«!his.eventhub»;EntityPath=«app»")
        .setting("Relay", 2, "RELAY_CONNECTION", "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=«!his.relay»")
        .setting("old", 4, "NOTIFICATION_HUB_CONNECTION", "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=DefaultFullSharedAccessSignature;SharedAccessKey=«!b64.32»")
        .setting("China", 1, "SERVICE_BUS_CONNECTION", "Endpoint=sb://«server».servicebus.chinacloudapi.cn/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=«!his.servicebus»;TransportType=Amqp")
        .setting("key alone", 4, "SETTING_N", "«!his.servicebus»")
        .setting("key of event hubs alone", 2, "SETTING_O", "«!his.eventhub»")
        .encodings("Service Bus", ("SERVICE_BUS_CONNECTION", plain), None)
        .file("Kafka", "etc/kafka/connect.properties", "bootstrap.servers=«server».servicebus.windows.net:9093\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"$ConnectionString\" password=\"Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=«!his.eventhub»\";\n")
        .references("SERVICE_BUS_CONNECTION")
        .near("emulator", "srv/«app_dir»/a.json", "{\"c\":\"Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;\"}\n")
        .near("wrong checksum", "srv/«app_dir»/b.log", "digest «his.servicebus|flip»\n")
        .near("masked", "var/log/«app_dir»/c.log", "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=****\n")
        .near("identity", "srv/«app_dir»/d.json", "{\"ServiceBus__fullyQualifiedNamespace\":\"«server».servicebus.windows.net\"}\n")
        .near("template", "srv/infra/e.bicep", "output cs string = 'Endpoint=sb://${ns.name}.servicebus.windows.net/;SharedAccessKeyName=${rule.name};SharedAccessKey=${rule.listKeys().primaryKey}'\n");
}

fn signatures(shelf: &mut Shelf) {
    let name = "Azure Service Bus shared access signature";
    let mut of = shelf.of(name);
    of.setting("token", 8, "SERVICE_BUS_SAS", "«!sbsas»")
        .setting("connection string", 4, "SERVICE_BUS_CONNECTION", "Endpoint=sb://«server».servicebus.windows.net/;SharedAccessSignature=«!sbsas»")
        .encodings("token", ("SERVICE_BUS_SAS", "«!sbsas»"), None)
        .file("header", "home/«user_dir»/.bash_history", "curl -X POST https://«server».servicebus.windows.net/«app»/messages -H 'Authorization: «!sbsas»' -d hello\n")
        .file("code", "srv/«app_dir»/send.py", "headers = {\"Authorization\": \"«!sbsas»\", \"Content-Type\": \"application/atom+xml\"}\n")
        .file("log", "var/log/«app_dir»/trace.log", "2026-10-02 10:11:12 DEBUG request headers: {Authorization=«!sbsas», Accept=*/*}\n")
        .references("SERVICE_BUS_SAS")
        .near("format", "srv/«app_dir»/sas.py", "return 'SharedAccessSignature sr={0}&sig={1}&se={2}&skn={3}'.format(uri, sig, ttl, key_name)\n")
        .near("redacted", "var/log/«app_dir»/b.log", "Authorization: SharedAccessSignature sr=https%3A%2F%2F«server».servicebus.windows.net%2F&sig=REDACTED&se=1798761600&skn=send\n");
}

fn iot(shelf: &mut Shelf) {
    let name = "Azure IoT shared access key";
    let hub =
        "HostName=«server».azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=«!his.iothub»";
    let mut of = shelf.of(name);
    of.setting("hub", 7, "IOT_HUB_CONNECTION", hub)
        .setting("hub, old", 3, "IOT_HUB_CONNECTION", "HostName=«server».azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=«!b64.32»")
        .setting("device", 5, "DEVICE_CONNECTION_STRING", "HostName=«server».azure-devices.net;DeviceId=«app»-«digits.4»;SharedAccessKey=«!b64.32»")
        .setting("device, annotated", 2, "DEVICE_CONNECTION_STRING", "HostName=«server».azure-devices.net;DeviceId=«app»-«digits.4»;ModuleId=edge;SharedAccessKey=«!his.device»")
        .setting("provisioning", 3, "DPS_CONNECTION", "HostName=«server».azure-devices-provisioning.net;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=«!his.dps»")
        .setting("Government", 1, "IOT_HUB_CONNECTION", "HostName=«server».azure-devices.us;SharedAccessKeyName=iothubowner;SharedAccessKey=«!his.iothub»")
        .setting("key alone", 4, "SETTING_P", "«!his.iothub»")
        .encodings("hub", ("IOT_HUB_CONNECTION", hub), None)
        .file("iotedge", "etc/iotedge/config.yaml", "provisioning:\n  source: \"manual\"\n  device_connection_string: \"HostName=«server».azure-devices.net;DeviceId=edge-«digits.3»;SharedAccessKey=«!b64.32»\"\n")
        .file("aziot", "etc/aziot/config.toml", "[provisioning]\nsource = \"manual\"\nconnection_string = \"HostName=«server».azure-devices.net;DeviceId=edge-«digits.3»;SharedAccessKey=«!b64.32»\"\n")
        .references("IOT_HUB_CONNECTION")
        .near("placeholder", "srv/«app_dir»/a.c", "static const char* cs = \"HostName=«server».azure-devices.net;DeviceId=dev1;SharedAccessKey={YourSharedAccessKey}\";\n")
        .near("masked", "var/log/«app_dir»/b.log", "HostName=«server».azure-devices.net;DeviceId=dev-«digits.3»;SharedAccessKey=****\n")
        .near("wrong checksum", "srv/«app_dir»/c.log", "digest «his.iothub|flip»\n")
        .near("certificate", "srv/«app_dir»/d.toml", "connection = \"HostName=«server».azure-devices.net;DeviceId=dev-«digits.3»;x509=true\"\n");
}

fn logic_apps(shelf: &mut Shelf) {
    let name = "Azure Logic App shared access signature";
    let mut of = shelf.of(name);
    of.setting("Logic App", 8, "WORKFLOW_URL", "«!logicapp»")
        .setting("Power Automate", 4, "FLOW_URL", "«!logicapp.power»")
        .encodings("Logic App", ("WORKFLOW_URL", "«!logicapp»"), None)
        .file("log", "var/log/nginx/access.log", "10.3.1.4 - - [01/Oct/2026:10:00:00 +0000] \"POST «!logicapp.log» HTTP/1.1\" 202 0\n")
        .file("teams", "srv/«app_dir»/alerts.yml", "receivers:\n  - name: teams\n    msteamsv2_configs:\n      - webhook_url: «!logicapp»\n")
        .file("curl", "home/«user_dir»/.bash_history", "curl -X POST '«!logicapp.power»' -d '{}'\n")
        .references("WORKFLOW_URL")
        .near("without a signature", "var/log/«app_dir»/a.log", "POST https://prod-12.westeurope.logic.azure.com:443/workflows/«hex.32»/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0 202\n")
        .near("placeholder", "home/«user_dir»/b.md", "https://prod-12.westeurope.logic.azure.com:443/workflows/«hex.32»/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=<sig>\n")
        .near("redacted", "var/log/«app_dir»/c.log", "https://prod-12.westeurope.logic.azure.com:443/workflows/«hex.32»/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=x\n")
        .near("management", "srv/«app_dir»/d.sh", "az logic workflow show --name «app» --query accessEndpoint # https://prod-12.westeurope.logic.azure.com:443/workflows/«hex.32»\n");
}
