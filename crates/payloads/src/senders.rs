//! The senders, as a table. A new one is a row here and an event in the tests.
//!
//! The fields are those that each maker documents or that its program sends.

use crate::event::Event;
use crate::links::Meaning;
use crate::rules::Kind::{
    self, Cluster, Condition, Count, Detail, Environment, Host, Name, Namespace, Region, Resource, Service, Severity,
    Since, Value, What,
};
use crate::rules::Place::{self, Annotation, Both, Field, Label, Line, Part, Start, Tag, Tags};
use crate::rules::Sign::{Begins, Details, Is};
use crate::rules::{Repeat, Sender};
use crate::text::scalar;

/// All senders. The first one with a sign in an event counts.
pub const ALL: &[&Sender] = &[
    &GRAFANA,
    &ALERTMANAGER,
    &DATADOG,
    &CLOUDWATCH,
    &CLOUDWATCH_EVENT,
    &SENTRY,
    &NEW_RELIC,
    &SPLUNK,
    &ZABBIX,
    &NETDATA,
    &ELASTALERT,
    &PREFECT,
    &APPRISE,
    &AIRFLOW,
    &GREAT_EXPECTATIONS,
];

/// The parts that most senders have.
const PLAIN: Sender = Sender {
    name: "",
    signs: &[],
    facts: &[],
    links: &[],
    texts: &[],
    constants: &[],
    images: Some(Meaning::Graph),
    has_blocks: false,
    shows_details: false,
    stays_open: never,
    repeat: Repeat::Key,
};

const SUMMARY: Place = Place::Event("summary");

const fn detail(path: &'static [&'static str]) -> Place {
    Place::Detail(path)
}

fn never(_: &Event<'_>) -> bool {
    false
}

fn has_no_key(event: &Event<'_>) -> bool {
    event.part("dedup_key").is_none()
}

/// The facts of the alerts that Alertmanager and Grafana group.
const GROUPED: &[(Kind, &[Place])] = &[
    (What, &[Annotation("summary"), Annotation("message"), Label("alertname"), SUMMARY]),
    (Detail, &[Annotation("description")]),
    (Name, &[Label("alertname")]),
    (Since, &[Start]),
    (Host, &[Label("instance"), Label("host"), Label("node")]),
    (Service, &[Label("service"), Label("job")]),
    (Cluster, &[Label("cluster")]),
    (Namespace, &[Label("namespace")]),
    (Region, &[Label("region")]),
    (Environment, &[Label("environment"), Label("env")]),
    (Resource, &[Label("pod")]),
    (Severity, &[Label("severity")]),
    (Value, &[Field("Value")]),
    (Count, &[detail(&["num_firing"]), Part(&SUMMARY, firing_in_title)]),
];

/// Returns the number in a title `[FIRING:600] …`.
fn firing_in_title(title: &str) -> Option<&str> {
    let count = title.strip_prefix("[FIRING:")?.split([']', ',']).next()?;
    count.bytes().all(|byte| byte.is_ascii_digit()).then_some(count)
}

/// <https://grafana.com/docs/grafana/latest/alerting/>
const GRAFANA: Sender = Sender {
    name: "Grafana",
    signs: &[Is("client", "Grafana"), Begins("firing", "Value: ")],
    facts: GROUPED,
    links: &[(Meaning::Graph, Field("Panel")), (Meaning::Graph, Field("Dashboard"))],
    texts: &[("External URL", Meaning::Tool)],
    constants: &[
        ("source", "Grafana"),
        ("component", "Grafana"),
        ("class", "default"),
        ("group", "default"),
        ("line:Value", "[no value]"),
    ],
    has_blocks: true,
    ..PLAIN
};

/// <https://prometheus.io/docs/alerting/latest/configuration/#pagerduty_config>
const ALERTMANAGER: Sender = Sender {
    name: "Prometheus Alertmanager",
    signs: &[Is("client", "Alertmanager"), Details(&["firing", "num_firing"])],
    facts: GROUPED,
    constants: &[("source", "Alertmanager")],
    has_blocks: true,
    ..PLAIN
};

const DATADOG_TAGS: &[&str] = &["tags"];

/// <https://docs.datadoghq.com/integrations/webhooks/#variables>
const DATADOG: Sender = Sender {
    name: "Datadog",
    signs: &[Details(&["monitor_state", "event_type", "query"]), Is("client", "Datadog"), Is("client", "Data Dog")],
    facts: &[
        (What, &[detail(&["title"]), SUMMARY]),
        (Detail, &[detail(&["body"])]),
        (Since, &[detail(&["date"])]),
        (Host, &[Tag(DATADOG_TAGS, "host")]),
        (Service, &[Tag(DATADOG_TAGS, "service")]),
        (Cluster, &[Tag(DATADOG_TAGS, "kube_cluster_name")]),
        (Namespace, &[Tag(DATADOG_TAGS, "kube_namespace")]),
        (Region, &[Tag(DATADOG_TAGS, "region")]),
        (Environment, &[Tag(DATADOG_TAGS, "env")]),
        (Condition, &[detail(&["query"])]),
        (Value, &[Part(&detail(&["body"]), metric_value)]),
    ],
    constants: &[("source", "Datadog"), ("source", "DataDog")],
    ..PLAIN
};

/// Returns the value that Datadog writes at the end of a message.
fn metric_value(body: &str) -> Option<&str> {
    let after = body.rsplit_once("Metric value: ")?.1;
    after.split_whitespace().next().map(|value| value.trim_end_matches('.'))
}

const DIMENSIONS: &[&str] = &["Trigger", "Dimensions"];

/// The message of an alarm over Amazon SNS. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/>
const CLOUDWATCH: Sender = Sender {
    name: "Amazon CloudWatch",
    signs: &[Details(&["AlarmName", "NewStateValue"])],
    facts: &[
        (What, &[detail(&["AlarmName"])]),
        (Detail, &[detail(&["AlarmDescription"])]),
        (Name, &[detail(&["AlarmName"])]),
        (Since, &[detail(&["StateChangeTime"])]),
        (Host, &[Tag(DIMENSIONS, "InstanceId")]),
        (Service, &[Tag(DIMENSIONS, "ServiceName")]),
        (Cluster, &[Tag(DIMENSIONS, "ClusterName")]),
        (Region, &[detail(&["Region"])]),
        (Resource, &[Tags(DIMENSIONS)]),
        (Condition, &[detail(&["NewStateReason"])]),
    ],
    ..PLAIN
};

/// The event of an alarm over Amazon `EventBridge`.
const CLOUDWATCH_EVENT: Sender = Sender {
    name: "Amazon CloudWatch",
    signs: &[Begins("detail-type", "CloudWatch Alarm State Change")],
    facts: &[
        (What, &[detail(&["detail", "alarmName"])]),
        (Detail, &[detail(&["detail", "configuration", "description"])]),
        (Name, &[detail(&["detail", "alarmName"])]),
        (Since, &[detail(&["detail", "state", "timestamp"])]),
        (Region, &[detail(&["region"])]),
        (Condition, &[detail(&["detail", "state", "reason"])]),
    ],
    constants: &[("source", "aws.cloudwatch")],
    ..PLAIN
};

const SENTRY_TAGS: &[&str] = &["tags"];

/// <https://docs.sentry.io/organization/integrations/notification-incidents/pagerduty/>
const SENTRY: Sender = Sender {
    name: "Sentry",
    signs: &[Is("client", "sentry"), Details(&["eventID", "groupID", "culprit"])],
    facts: &[
        (What, &[detail(&["title"]), SUMMARY]),
        (Detail, &[detail(&["message"]), detail(&["details"])]),
        (Since, &[detail(&["datetime"])]),
        (Host, &[Tag(SENTRY_TAGS, "server_name")]),
        (Environment, &[Tag(SENTRY_TAGS, "environment")]),
        (Resource, &[detail(&["culprit"])]),
        (Severity, &[Tag(SENTRY_TAGS, "level")]),
    ],
    texts: &[("View Sentry Issue Details", Meaning::Source), ("Issue Details", Meaning::Source)],
    constants: &[("source", "<unknown>")],
    ..PLAIN
};

/// <https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/>
const NEW_RELIC: Sender = Sender {
    name: "New Relic",
    signs: &[Details(&["NewRelic priority"]), Is("client", "New Relic")],
    facts: &[
        (Detail, &[detail(&["Description"])]),
        (Name, &[detail(&["Alert Condition Names"])]),
        (Resource, &[detail(&["Impacted Entities"])]),
        (Severity, &[detail(&["NewRelic priority"])]),
        (Count, &[detail(&["Total Incidents"])]),
    ],
    links: &[(Meaning::Runbook, detail(&["Runbook"])), (Meaning::Source, detail(&["IssueURL"]))],
    texts: &[("Issue Page", Meaning::Source)],
    constants: &[("source", "New Relic")],
    ..PLAIN
};

/// <https://help.splunk.com/en/splunk-enterprise/alert-and-respond/alerting-manual>, page on the webhook alert action.
const SPLUNK: Sender = Sender {
    name: "Splunk",
    signs: &[Details(&["sid", "results_link"]), Is("client", "Splunk")],
    facts: &[
        (Name, &[detail(&["search_name"])]),
        (Host, &[detail(&["result", "host"])]),
        (Count, &[detail(&["result", "count"])]),
    ],
    links: &[(Meaning::Source, detail(&["results_link"]))],
    constants: &[("source", "Splunk")],
    // The first row of the search, whose fields are the user's.
    shows_details: true,
    ..PLAIN
};

/// <https://www.zabbix.com/integrations/pagerduty>
const ZABBIX: Sender = Sender {
    name: "Zabbix",
    signs: &[Is("client", "Zabbix")],
    facts: &[
        (Detail, &[detail(&["Trigger description"]), detail(&["Alert message"])]),
        (Since, &[Both(&detail(&["Event date"]), &detail(&["Event time"]))]),
        (Host, &[detail(&["Event host"])]),
        (Value, &[detail(&["Trigger opdata"])]),
    ],
    texts: &[("Event link", Meaning::Source)],
    constants: &[("source", "Discovery"), ("source", "Autoregistration"), ("source", "Internal")],
    ..PLAIN
};

/// <https://learn.netdata.cloud/docs/alerts-&-notifications/notifications/agent-dispatched-notifications/pagerduty>
const NETDATA: Sender = Sender {
    name: "Netdata",
    signs: &[Details(&["alarm_id", "chart", "old_status"])],
    facts: &[
        (What, &[detail(&["info"])]),
        (Name, &[detail(&["name"])]),
        (Since, &[detail(&["when"])]),
        (Host, &[Place::Event("source"), Part(&SUMMARY, host_in_title)]),
        (Resource, &[detail(&["chart"])]),
        (Severity, &[detail(&["status"])]),
        (Value, &[detail(&["value_w_units"])]),
    ],
    constants: &[("details.status", "CLEAR")],
    stays_open: has_own_key,
    repeat: Repeat::Detail("alarm_id"),
    ..PLAIN
};

/// Returns the host in a title `… - HOST, FAMILY`.
fn host_in_title(title: &str) -> Option<&str> {
    Some(title.rsplit_once(" - ")?.1.split_once(", ")?.0)
}

/// Returns whether an event of Netdata has a key other than that of its alarm.
fn has_own_key(event: &Event<'_>) -> bool {
    let alarm = event.detail(&["alarm_id"]).and_then(scalar);
    event.part("dedup_key").is_some_and(|key| alarm.as_deref() != Some(key.trim()))
}

const INFORMATION: &str = "information";

/// <https://elastalert2.readthedocs.io/en/latest/alerts.html#pagerduty>
const ELASTALERT: Sender = Sender {
    name: "ElastAlert 2",
    signs: &[Is("client", "elastalert2"), Is("client", "ElastAlert")],
    facts: &[
        (Detail, &[Line(INFORMATION, &["message"])]),
        (Since, &[Place::Event("timestamp"), Line(INFORMATION, &["@timestamp"])]),
        (Host, &[Line(INFORMATION, &["host", "name"]), Line(INFORMATION, &["host"])]),
        (Service, &[Line(INFORMATION, &["service", "name"])]),
        (Count, &[Line(INFORMATION, &["num_hits"])]),
    ],
    links: &[(Meaning::Source, Line(INFORMATION, &["kibana_discover_url"]))],
    constants: &[("source", "ElastAlert"), ("line:host", "{")],
    repeat: Repeat::Title,
    ..PLAIN
};

const NOTIFICATION: &str = "Prefect Notification Body";

/// <https://docs.prefect.io/>
const PREFECT: Sender = Sender {
    name: "Prefect",
    signs: &[Details(&[NOTIFICATION]), Is("client", "Prefect Notifications")],
    facts: &[(What, &[Part(&SUMMARY, first_line)]), (Detail, &[detail(&[NOTIFICATION])])],
    constants: &[("source", "Prefect"), ("component", "Notification")],
    images: None,
    stays_open: has_no_key,
    repeat: Repeat::Title,
    ..PLAIN
};

/// <https://appriseit.com/services/pagerduty/>
const APPRISE: Sender = Sender {
    name: "Apprise",
    signs: &[Is("client", "Apprise")],
    facts: &[(What, &[Part(&SUMMARY, first_line)]), (Detail, &[Part(&SUMMARY, later_lines)])],
    constants: &[("source", "Apprise"), ("component", "Notification")],
    images: None,
    shows_details: true,
    stays_open: has_no_key,
    repeat: Repeat::Title,
    ..PLAIN
};

fn first_line(text: &str) -> Option<&str> {
    text.lines().next()
}

fn later_lines(text: &str) -> Option<&str> {
    text.split_once('\n').map(|(_, rest)| rest)
}

/// <https://airflow.apache.org/docs/apache-airflow-providers-pagerduty/>
const AIRFLOW: Sender = Sender {
    name: "Apache Airflow",
    signs: &[Is("source", "airflow")],
    constants: &[("source", "airflow")],
    shows_details: true,
    ..PLAIN
};

/// <https://docs.greatexpectations.io/>
const GREAT_EXPECTATIONS: Sender = Sender {
    name: "Great Expectations",
    signs: &[Is("source", "Great Expectations")],
    constants: &[("source", "Great Expectations")],
    ..PLAIN
};
