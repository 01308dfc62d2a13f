//! The table of resources: path, envelope keys, pagination.
//!
//! One declaration each, so that nothing is guessed from the shape of an answer and no other module writes a path.

use crate::error::Code;

/// Where a resource is and how it comes.
#[derive(Debug)]
pub struct Resource {
    /// The name in messages: "escalation policy".
    pub noun: &'static str,
    /// The path of the list; `{id}` stands for the object it belongs to.
    pub path: &'static str,
    /// The envelope key of a single object.
    pub one: &'static str,
    /// The envelope key of a list, and of our answers.
    pub many: &'static str,
    /// How lists come.
    pub paging: Paging,
    /// The error code for an ID that is none.
    pub invalid_id: Code,
}

/// How a list comes. Cursors join when a resource needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// By `limit` and `offset`, up to 100 at a time and 10,000 in all.
    /// <https://developer.pagerduty.com/docs/pagination>
    Offset,
    /// In one piece.
    Whole,
}

/// `GET /escalation_policies`, `GET /escalation_policies/{id}`.
pub const ESCALATION_POLICIES: Resource = Resource {
    noun: "escalation policy",
    path: "/escalation_policies",
    one: "escalation_policy",
    many: "escalation_policies",
    paging: Paging::Offset,
    invalid_id: Code::InvalidEscalationPolicyId,
};

/// `GET /incidents`, `GET /incidents/{id}`, `PUT /incidents/{id}`.
pub const INCIDENTS: Resource = Resource {
    noun: "incident",
    path: "/incidents",
    one: "incident",
    many: "incidents",
    paging: Paging::Offset,
    invalid_id: Code::InvalidIncidentId,
};

/// `GET /incidents/{id}/notes`, `POST /incidents/{id}/notes`.
pub const NOTES: Resource = Resource {
    noun: "incident",
    path: "/incidents/{id}/notes",
    one: "note",
    many: "notes",
    paging: Paging::Whole,
    invalid_id: Code::InvalidIncidentId,
};

/// `GET /oncalls`.
pub const ONCALLS: Resource = Resource {
    noun: "on-call entry",
    path: "/oncalls",
    one: "oncall",
    many: "oncalls",
    paging: Paging::Offset,
    invalid_id: Code::InvalidParameter,
};

/// `GET /schedules`, `GET /schedules/{id}`.
pub const SCHEDULES: Resource = Resource {
    noun: "schedule",
    path: "/schedules",
    one: "schedule",
    many: "schedules",
    paging: Paging::Offset,
    invalid_id: Code::InvalidScheduleId,
};

/// `GET /v3/schedules`, `GET /v3/schedules/{id}`: shift-based schedules, which `/schedules` does not show.
pub const SHIFT_SCHEDULES: Resource = Resource {
    noun: "shift-based schedule",
    path: "/v3/schedules",
    one: "schedule",
    many: "schedules",
    paging: Paging::Offset,
    invalid_id: Code::InvalidScheduleId,
};

/// `GET /schedules/{id}/users`: who is on call on a schedule.
pub const SCHEDULE_USERS: Resource = Resource {
    noun: "schedule",
    path: "/schedules/{id}/users",
    one: "user",
    many: "users",
    paging: Paging::Whole,
    invalid_id: Code::InvalidScheduleId,
};

/// `GET /services`, `GET /services/{id}`.
pub const SERVICES: Resource = Resource {
    noun: "service",
    path: "/services",
    one: "service",
    many: "services",
    paging: Paging::Offset,
    invalid_id: Code::InvalidServiceId,
};

/// `GET /teams`, `GET /teams/{id}`.
pub const TEAMS: Resource = Resource {
    noun: "team",
    path: "/teams",
    one: "team",
    many: "teams",
    paging: Paging::Offset,
    invalid_id: Code::InvalidTeamId,
};

/// `GET /users`, `GET /users/{id}`.
pub const USERS: Resource = Resource {
    noun: "user",
    path: "/users",
    one: "user",
    many: "users",
    paging: Paging::Offset,
    invalid_id: Code::InvalidUserId,
};
