"""The types of answers, for annotations and type checkers.

An answer is a plain `dict`; these types exist at run time only if a program imports this module. A
row has the fields that `include` selects, without empty ones, so that each of its fields may be
missing: read a field that is not certain with `row.get("title")`.

Generated from the field tables: `UPDATE_DOCS=1 cargo test docs` writes it anew.
"""

from __future__ import annotations

from typing import Any, TypedDict


class _Object(TypedDict, total=False):
    deleted_at: str


class _Counted(TypedDict):
    count: int
    description: str


class Metadata(_Counted, total=False):
    """The metadata of an answer."""

    has_more: bool
    next_offset: int
    warnings: list[str]
    sandbox: bool


class IncidentMetadata(Metadata, total=False):
    """The metadata of an answer with incidents."""

    status_counts: dict[str, int]
    autoresolve_count: int
    no_data_count: int
    past_incidents_count: int
    related_incidents_count: int
    notes_count: int


class _UserContext(TypedDict):
    user_id: str
    name: str
    email: str
    team_ids: list[str]
    service_ids: list[str]
    escalation_policy_ids: list[str]


class UserContext(_UserContext, total=False):
    """The answer of `build_user_context`."""

    warnings: list[str]


class Alert(_Object, total=False):
    """A row of `alerts`."""

    id: str
    status: str
    severity: Any
    created_at: str
    alert_key: Any
    body: Any
    first_trigger_log_entry: Any
    html_url: str
    incident: Any
    integration: Any
    self: str
    service: Any
    summary: str
    suppressed: Any
    type: str


class Reference(_Object, total=False):
    """A reference to another object."""

    id: str
    summary: str


class ChangeEvent(_Object, total=False):
    """A row of `change_events`."""

    id: str
    summary: str
    timestamp: Any
    source: Any
    services: list[Reference]
    links: Any
    custom_details: Any
    correlation_reason: Any
    html_url: str
    images: Any
    integration: Any
    routing_key: Any
    self: str
    type: str


class TypedReference(_Object, total=False):
    """A reference to another object, with its type."""

    id: str
    summary: str
    type: str


class EscalationRule(_Object, total=False):
    """An object in `escalation_rules`."""

    id: str
    escalation_delay_in_minutes: int
    targets: list[TypedReference]


class EscalationPolicy(_Object, total=False):
    """A row of `escalation_policies`."""

    id: str
    name: str
    description: str
    escalation_rules: list[EscalationRule]
    services: list[Reference]
    teams: list[Reference]
    html_url: str
    num_loops: int
    on_call_handoff_notifications: str
    self: str
    summary: str
    type: str


class Channel(_Object, total=False):
    """An object in `channel`."""

    summary: str


class Note(_Object, total=False):
    """A row of `notes`."""

    id: str
    content: str
    created_at: str
    user: dict[str, Any]
    channel: Channel
    updated_at: str


class Assignment(_Object, total=False):
    """An object in `assignments`."""

    assignee: Reference
    at: str


class Acknowledgement(_Object, total=False):
    """An object in `acknowledgements`."""

    acknowledger: Reference
    at: str


class Incident(_Object, total=False):
    """A row of `incidents`."""

    id: str
    incident_number: int
    title: str
    status: str
    urgency: str
    created_at: str
    updated_at: str
    summary: str
    description: str
    last_status_change_at: str
    resolved_at: str
    alert_counts: dict[str, int]
    alert: dict[str, Any]
    body_details: Any
    client_url: str
    service: Reference
    escalation_policy: Reference
    last_status_change_by: Reference
    assignments: list[Assignment]
    acknowledgements: list[Acknowledgement]
    teams: list[Reference]
    alert_grouping: Any
    assigned_via: str
    body: Any
    conference_bridge: Any
    custom_fields: Any
    first_trigger_log_entry: Any
    html_url: str
    incident_key: str
    incident_type: Any
    incidents_responders: Any
    is_mergeable: bool
    pending_actions: Any
    priority: Any
    resolve_reason: Any
    responder_requests: Any
    self: str
    type: str
    past_incidents: list[PastIncident]
    related_incidents: list[RelatedIncident]
    notes: list[Note]


class LogEntry(_Object, total=False):
    """A row of `log_entries`."""

    created_at: str
    type: str
    agent: Reference
    user: Reference
    assignees: list[Reference]
    incident: Reference
    id: str
    acknowledgement_timeout: int
    changed_actions: Any
    changeset: Any
    channel: Any
    contexts: Any
    event_details: Any
    html_url: str
    note: Any
    self: str
    service: Any
    summary: str
    teams: Any


class Oncall(_Object, total=False):
    """A row of `oncalls`."""

    user: Reference
    schedule: Reference
    escalation_policy: Reference
    escalation_level: int
    start: str
    end: str


class ScheduleLayer(_Object, total=False):
    """An object in `schedule_layers`."""

    id: str
    name: str
    start: str
    end: str
    users: list[dict[str, Any]]


class RenderedScheduleEntry(_Object, total=False):
    """An object in `rendered_schedule_entries`."""

    start: str
    end: str
    user: Reference
    source: str


class FinalSchedule(_Object, total=False):
    """An object in `final_schedule`."""

    rendered_coverage_percentage: float
    rendered_schedule_entries: list[RenderedScheduleEntry]


class Member(_Object, total=False):
    """An object in `members`."""

    type: str
    user_id: str


class AssignmentStrategy(_Object, total=False):
    """An object in `assignment_strategy`."""

    type: str
    shifts_per_member: int
    members: list[Member]


class Event(_Object, total=False):
    """An object in `events`."""

    id: str
    name: str
    start_time: Any
    end_time: Any
    effective_since: Any
    effective_until: Any
    recurrence: Any
    assignment_strategy: AssignmentStrategy


class Rotation(_Object, total=False):
    """An object in `rotations`."""

    id: str
    events: list[Event]


class Schedule(_Object, total=False):
    """A row of `schedules`."""

    id: str
    name: str
    summary: str
    time_zone: str
    description: str
    kind: str
    escalation_policies: list[Reference]
    teams: list[Reference]
    schedule_layers: list[ScheduleLayer]
    final_schedule: FinalSchedule
    overrides: list[dict[str, Any]]
    html_url: str
    next_oncall_for_user: Any
    overrides_subschedule: Any
    self: str
    type: str
    users: Any
    rotations: list[Rotation]
    http_cal_url: str
    web_cal_url: str


class Service(_Object, total=False):
    """A row of `services`."""

    id: str
    name: str
    status: str
    created_at: str
    updated_at: str
    description: str
    teams: list[Reference]
    integrations: list[Reference]
    acknowledgement_timeout: int
    addons: Any
    alert_creation: str
    alert_grouping: Any
    alert_grouping_parameters: Any
    alert_grouping_timeout: Any
    auto_pause_notifications_parameters: Any
    auto_resolve_timeout: int
    escalation_policy: Any
    html_url: str
    incident_urgency_rule: Any
    last_incident_timestamp: str
    response_play: Any
    scheduled_actions: Any
    self: str
    summary: str
    support_hours: Any
    type: str


class Team(_Object, total=False):
    """A row of `teams`."""

    id: str
    name: str
    description: str
    parent: TypedReference
    default_role: str
    html_url: str
    self: str
    summary: str
    type: str


class ContactMethod(_Object, total=False):
    """An object in `contact_methods`."""

    id: str
    summary: str
    type: str
    address: str
    country_code: int
    enabled: bool
    blacklisted: bool


class NotificationRule(_Object, total=False):
    """An object in `notification_rules`."""

    id: str
    summary: str
    type: str
    urgency: str
    start_delay_in_minutes: int
    contact_method: TypedReference


class User(_Object, total=False):
    """A row of `users`."""

    id: str
    name: str
    email: str
    type: str
    description: str
    teams: list[TypedReference]
    contact_methods: list[ContactMethod]
    notification_rules: list[NotificationRule]
    avatar_url: str
    color: str
    created_via_sso: bool
    html_url: str
    http_cal_url: str
    invitation_sent: bool
    job_title: str
    role: str
    self: str
    summary: str
    time_zone: str
    web_cal_url: str


class PastIncident(Incident, total=False):
    """A similar incident of the past."""

    similarity_score: float


class RelatedIncident(Incident, total=False):
    """A related incident on another service."""

    relationship_type: str
    relationship_metadata: Any


class AlertList(TypedDict):
    """An answer with `alerts`."""

    metadata: Metadata
    alerts: list[Alert]


class ChangeEventList(TypedDict):
    """An answer with `change_events`."""

    metadata: Metadata
    change_events: list[ChangeEvent]


class EscalationPolicyList(TypedDict):
    """An answer with `escalation_policies`."""

    metadata: Metadata
    escalation_policies: list[EscalationPolicy]


class NoteList(TypedDict):
    """An answer with `notes`."""

    metadata: Metadata
    notes: list[Note]


class IncidentList(TypedDict):
    """An answer with `incidents`."""

    metadata: IncidentMetadata
    incidents: list[Incident]


class LogEntryList(TypedDict):
    """An answer with `log_entries`."""

    metadata: Metadata
    log_entries: list[LogEntry]


class OncallList(TypedDict):
    """An answer with `oncalls`."""

    metadata: Metadata
    oncalls: list[Oncall]


class ScheduleList(TypedDict):
    """An answer with `schedules`."""

    metadata: Metadata
    schedules: list[Schedule]


class ServiceList(TypedDict):
    """An answer with `services`."""

    metadata: Metadata
    services: list[Service]


class TeamList(TypedDict):
    """An answer with `teams`."""

    metadata: Metadata
    teams: list[Team]


class UserList(TypedDict):
    """An answer with `users`."""

    metadata: Metadata
    users: list[User]
