//! The alarms of the company in the words of its monitoring, and the notes that users write about them.
//!
//! Words in braces are replaced by values from [`VARIABLES`], the same in all texts of one incident, and `{service}` by the
//! name of its service.

use crate::account::Urgency::{self, High, Low};

/// A monitor that raises incidents.
pub struct Source {
    pub name: &'static str,
    /// The URL of the alert at the monitor. Without one, its incidents have a text instead of an event.
    pub client_url: Option<&'static str>,
}

pub const DATADOG: Source =
    Source { name: "Datadog", client_url: Some("https://datadog.acme.example/monitors/{monitor}") };
pub const PROMETHEUS: Source = Source {
    name: "Prometheus Alertmanager",
    client_url: Some("https://alerts.acme.example/#/alerts?receiver=pagerduty&silenced={monitor}"),
};
pub const CLOUDWATCH: Source = Source {
    name: "Amazon CloudWatch",
    client_url: Some(
        "https://{region}.console.aws.example/cloudwatch/home?region={region}#alarmsV2:alarm/{service}-{monitor}",
    ),
};
pub const EMAIL: Source = Source { name: "E-mail", client_url: None };

pub struct Alarm {
    pub source: Reporter,
    pub urgency: Urgency,
    pub class: &'static str,
    pub title: &'static str,
    /// The details of the event.
    pub details: Details,
}

/// The monitor or user that raises an incident.
#[derive(Clone, Copy)]
pub enum Reporter {
    Monitor(&'static Source),
    Person,
}

type Details = &'static [(&'static str, &'static str)];

const fn monitor(
    source: &'static Source,
    urgency: Urgency,
    class: &'static str,
    title: &'static str,
    details: Details,
) -> Alarm {
    Alarm { source: Reporter::Monitor(source), urgency, class, title, details }
}

const fn person(urgency: Urgency, title: &'static str) -> Alarm {
    Alarm { source: Reporter::Person, urgency, class: "report", title, details: &[] }
}

#[rustfmt::skip]
pub const ALARMS: &[Alarm] = &[
    monitor(&DATADOG, High, "no data", "No Data: {service} has not reported request counts for {minutes} minutes",
        &[("monitor", "{service} request count"), ("last_value_at", "{minutes} minutes ago"), ("scope", "service:{service},region:{region}")]),
    monitor(&DATADOG, Low, "no data", "No Data: heartbeat of {host} in {region}",
        &[("monitor", "host heartbeat"), ("scope", "host:{host}"), ("query", "avg(last_10m):avg:agent.up by host < 1")]),
    monitor(&DATADOG, Low, "no data", "No Data: {queue} consumer lag of {service}",
        &[("monitor", "consumer lag"), ("scope", "queue:{queue}")]),
    monitor(&DATADOG, High, "errors", "[{region}] {service}: error rate at {percent}% for {minutes} minutes",
        &[("monitor", "error rate"), ("threshold", "2 %"), ("value", "{percent} %"), ("scope", "service:{service},env:production")]),
    monitor(&DATADOG, High, "latency", "{service}: 95th percentile latency at {ms} ms",
        &[("monitor", "p95 latency"), ("threshold", "800 ms"), ("value", "{ms} ms"), ("scope", "service:{service}")]),
    monitor(&DATADOG, Low, "disk", "Disk on {host} is {percent}% full",
        &[("monitor", "disk usage"), ("device", "/dev/nvme1n1"), ("mount", "/var/lib"), ("value", "{percent} %")]),
    monitor(&DATADOG, High, "throughput", "{service}: orders per minute far below the forecast",
        &[("monitor", "orders forecast"), ("expected", "{count}"), ("deviation", "-{percent} %")]),
    monitor(&DATADOG, Low, "memory", "{service}: memory of {pod} grows without end",
        &[("monitor", "memory trend"), ("pod", "{pod}"), ("value", "{percent} % of limit")]),
    monitor(&DATADOG, High, "dependency", "{service}: circuit breaker to {domain} is open",
        &[("monitor", "circuit breakers"), ("dependency", "{domain}"), ("failures", "{count}")]),
    monitor(&PROMETHEUS, High, "KubePodCrashLooping", "[FIRING:1] KubePodCrashLooping {pod} ({region})",
        &[("alertname", "KubePodCrashLooping"), ("pod", "{pod}"), ("container", "{service}"), ("restarts", "{count}")]),
    monitor(&PROMETHEUS, High, "KubeDeploymentReplicasMismatch", "[FIRING:{minutes}] KubeDeploymentReplicasMismatch {service}",
        &[("alertname", "KubeDeploymentReplicasMismatch"), ("deployment", "{service}"), ("namespace", "production")]),
    monitor(&PROMETHEUS, Low, "KubeNodeNotReady", "[FIRING:1] KubeNodeNotReady {host}",
        &[("alertname", "KubeNodeNotReady"), ("node", "{host}"), ("for", "{minutes}m")]),
    monitor(&PROMETHEUS, High, "TargetDown", "[FIRING:1] TargetDown: {percent}% of {service} targets are down",
        &[("alertname", "TargetDown"), ("job", "{service}"), ("zone", "{region}")]),
    monitor(&PROMETHEUS, High, "ErrorBudgetBurn", "[FIRING:1] ErrorBudgetBurn {service}: budget gone in {minutes} hours at this rate",
        &[("alertname", "ErrorBudgetBurn"), ("slo", "{service}-availability"), ("burn_rate", "14.4")]),
    monitor(&PROMETHEUS, Low, "CPUThrottlingHigh", "[FIRING:1] CPUThrottlingHigh: {percent}% in {pod}",
        &[("alertname", "CPUThrottlingHigh"), ("pod", "{pod}"), ("container", "{service}")]),
    monitor(&PROMETHEUS, High, "PostgresReplicationLag", "[FIRING:1] PostgresReplicationLag {database}: {count} seconds behind",
        &[("alertname", "PostgresReplicationLag"), ("database", "{database}"), ("replica", "{host}")]),
    monitor(&PROMETHEUS, High, "PostgresTooManyConnections", "[FIRING:1] PostgresTooManyConnections {database} at {percent}%",
        &[("alertname", "PostgresTooManyConnections"), ("database", "{database}"), ("max_connections", "500")]),
    monitor(&PROMETHEUS, Low, "PostgresSlowQueries", "[FIRING:1] PostgresSlowQueries on {table}: {ms} ms on average",
        &[("alertname", "PostgresSlowQueries"), ("database", "{database}"), ("table", "{table}")]),
    monitor(&PROMETHEUS, Low, "CertificateExpiry", "[FIRING:1] CertificateExpiry {domain} in {minutes} days",
        &[("alertname", "CertificateExpiry"), ("domain", "{domain}"), ("issuer", "internal-ca-2")]),
    monitor(&PROMETHEUS, High, "KafkaConsumerLag", "[FIRING:2] KafkaConsumerLag {queue}: {count} messages behind",
        &[("alertname", "KafkaConsumerLag"), ("topic", "{queue}"), ("group", "{service}")]),
    monitor(&PROMETHEUS, High, "RedisMemoryHigh", "[FIRING:1] RedisMemoryHigh {service}-cache at {percent}%",
        &[("alertname", "RedisMemoryHigh"), ("instance", "{host}:6379"), ("evicted_keys", "{count}")]),
    monitor(&PROMETHEUS, High, "EtcdNoLeader", "[FIRING:3] EtcdNoLeader in {region}",
        &[("alertname", "EtcdNoLeader"), ("cluster", "{region}-production"), ("members", "5")]),
    monitor(&CLOUDWATCH, High, "ALARM", "ALARM: \"{service}-5xx\" in {region}: {count} responses with a 5xx status",
        &[("AlarmName", "{service}-5xx"), ("Namespace", "AWS/ApplicationELB"), ("NewStateReason", "Threshold crossed: {count} > 50")]),
    monitor(&CLOUDWATCH, High, "ALARM", "ALARM: \"{service}-unhealthy-hosts\" in {region}",
        &[("AlarmName", "{service}-unhealthy-hosts"), ("Namespace", "AWS/ApplicationELB"), ("UnHealthyHostCount", "{minutes}")]),
    monitor(&CLOUDWATCH, Low, "ALARM", "ALARM: \"{queue}-dead-letters\" has {count} messages",
        &[("AlarmName", "{queue}-dead-letters"), ("Namespace", "AWS/SQS"), ("QueueName", "{queue}-dlq")]),
    monitor(&CLOUDWATCH, High, "ALARM", "ALARM: \"{database}-cpu\" at {percent}% in {region}",
        &[("AlarmName", "{database}-cpu"), ("Namespace", "AWS/RDS"), ("DBInstanceIdentifier", "{database}")]),
    monitor(&CLOUDWATCH, High, "ALARM", "ALARM: \"{database}-free-storage\" below 10 GiB",
        &[("AlarmName", "{database}-free-storage"), ("Namespace", "AWS/RDS"), ("FreeStorageSpace", "{ms} MiB")]),
    monitor(&CLOUDWATCH, Low, "ALARM", "ALARM: \"{service}-lambda-throttles\" in {region}",
        &[("AlarmName", "{service}-lambda-throttles"), ("Namespace", "AWS/Lambda"), ("Throttles", "{count}")]),
    monitor(&CLOUDWATCH, Low, "ALARM", "ALARM: \"nat-gateway-port-allocation\" in {region}",
        &[("AlarmName", "nat-gateway-port-allocation"), ("Namespace", "AWS/NATGateway"), ("ErrorPortAllocation", "{count}")]),
    monitor(&CLOUDWATCH, High, "ALARM", "ALARM: \"{service}-canary\" failed {minutes} times in a row",
        &[("AlarmName", "{service}-canary"), ("Namespace", "CloudWatchSynthetics"), ("Step", "log in and pay")]),
    monitor(&EMAIL, Low, "e-mail", "Backup of {database} did not finish",
        &[("text", "The backup of {database} on {host} was still running after {minutes} hours and has been stopped.")]),
    monitor(&EMAIL, Low, "e-mail", "TLS certificate of {domain} expires in {minutes} days",
        &[("text", "The certificate of {domain} could not be renewed: the DNS challenge timed out.")]),
    monitor(&EMAIL, High, "e-mail", "Deployment of {service} {version} failed in {region}",
        &[("text", "Rollout of {version} stopped after {minutes} minutes: {pod} never became ready. Rolled back.")]),
    monitor(&EMAIL, Low, "e-mail", "Scheduled job {queue}-export exited with status 137",
        &[("text", "The job was killed on {host}. It used more memory than its limit.\nLast table: {table}")]),
    monitor(&EMAIL, High, "e-mail", "{domain} is down (checked from 3 locations)",
        &[("text", "No answer within {ms} ms from Frankfurt, Virginia and Singapore.")]),
    monitor(&EMAIL, Low, "e-mail", "Vendor notice: maintenance of {domain} in {region}",
        &[("text", "Short interruptions are possible for {minutes} hours.")]),
    person(High, "Customers report that {service} does not respond"),
    person(High, "Elevated declines at {domain} since release {version}"),
    person(Low, "Numbers in the dashboard of {service} look wrong"),
    person(High, "Database failover of {database} needed by hand"),
    person(Low, "Please rotate the credentials of {service}"),
    person(High, "{service} is slow for customers in {region}"),
];

/// The values of words in braces, except `{service}`.
#[rustfmt::skip]
pub const VARIABLES: &[(&str, &[&str])] = &[
    ("host", &["ip-10-20-4-17", "ip-10-20-9-201", "ip-10-31-0-88", "db-07", "db-11", "web-03", "web-19", "worker-42"]),
    ("region", &["us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-south-1", "ap-northeast-1", "sa-east-1"]),
    ("percent", &["7", "12", "23", "41", "81", "86", "90", "92", "95", "97", "99"]),
    ("count", &["18", "64", "73", "120", "311", "508", "944", "1720", "4096", "15230"]),
    ("ms", &["1150", "1480", "1900", "2300", "3200", "4750", "8100"]),
    ("minutes", &["3", "5", "7", "9", "12", "14", "20"]),
    ("version", &["v2.14.0", "v2.14.1", "v3.0.0-rc.2", "v3.1.7", "v4.8.2", "2026.31", "2026.32"]),
    ("queue", &["orders", "emails", "refunds", "shipments", "search-updates", "audit", "invoices"]),
    ("table", &["orders", "order_lines", "payments", "sessions", "stock_levels", "events_2026"]),
    ("database", &["orders-primary", "ledger-primary", "catalogue-replica-2", "sessions-primary", "warehouse"]),
    ("domain", &["api.acme.example", "shop.acme.example", "bank-a.example", "login.acme.example", "cdn.acme.example", "carrier.example"]),
    ("pod", &["web-5d9c7b6f4-x2lqv", "api-7f8b9d5c6-9wz4k", "worker-66c5d8b9f-tt7mn", "cron-28714320-hq8rd"]),
    ("monitor", &["1042871", "1187340", "2290014", "2317765", "3308126", "4471902"]),
];

/// The texts of notes.
pub const NOTES: &[&str] = &[
    "Looking into it.",
    "Rolled back to the release before {version}, error rate is going down.",
    "Same as last week: {queue} is stuck behind one poisoned message. Moved it aside.",
    "Restarted {pod}, watching.",
    "{database} failed over by itself. Keeping this open until replication has caught up.",
    "The bank confirms a problem on their side, next update in {minutes} minutes.",
    "False alarm: the monitor in {region} lost its connection.",
    "Scaled {service} up by half, latency is back to normal.",
    "Customers in {region} are affected, support has been told.",
    "Cleared old logs on {host}, disk is at 61 %.",
    "Renewed the certificate of {domain} by hand. The ticket for the automation is still open.",
    "Handing over to the next shift: nothing new for {minutes} hours, waiting for the vendor.",
    "Runbook says to drain the node first. Doing that now.",
    "Found it: a slow query on {table} after the schema change.",
    "Resolved on its own before I was at the keyboard. Follow-up ticket is in the backlog.",
    "Traffic is a campaign by marketing, not an attack. Raised the limits.",
];

/// The channels of notes.
pub const CHANNELS: &[&str] =
    &["The PagerDuty website or APIs", "The PagerDuty website or APIs", "Slack", "The PagerDuty mobile app"];

/// Returns `template` with its words in braces replaced. An unknown word is unchanged.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => filled.push_str(value),
            None => filled.extend(["{", name, "}"]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_words_have_values() {
        let values: Vec<(&str, &str)> =
            VARIABLES.iter().map(|(name, _)| (*name, "")).chain([("service", "")]).collect();
        let details = ALARMS.iter().flat_map(|alarm| alarm.details).map(|(_, text)| *text);
        let titles = ALARMS.iter().map(|alarm| alarm.title);
        for template in details.chain(titles).chain(NOTES.iter().copied()) {
            assert!(!fill(template, &values).contains(['{', '}']), "{template}");
        }
    }
}
