//! Business services, dependencies between services, and maintenance windows.

use crate::behavior::maintenance_windows;
use crate::kind::Filter::{By, Contains, Refers};
use crate::kind::Kind;
use crate::kind::Verb::{List, Show};
use crate::kind::{computed, optional, required};

/// <https://developer.pagerduty.com/api-reference/acbbf3d915f12-list-business-services>
pub static BUSINESS_SERVICE: Kind = Kind {
    name: "business_service",
    many: "business_services",
    path: "business_services",
    page: "business-services",
    serves: &[List, Show],
    fields: &[
        required("name"),
        optional("description", r#""""#),
        optional("point_of_contact", r#""""#),
        optional("team", "null"),
        optional("subscribers", "[]").hidden(),
    ],
    filters: &[],
    check: |_| Ok(()),
    seed: include_str!("../../seed/business_services.json"),
};

/// A dependency connects two services, each a technical or a business one.
///
/// <https://developer.pagerduty.com/api-reference/d4d88dca3f5f1-get-technical-service-dependencies>
pub static SERVICE_DEPENDENCY: Kind = Kind {
    name: "service_dependency",
    many: "service_dependencies",
    path: "service_dependencies",
    page: "service-dependencies",
    serves: &[],
    fields: &[
        required("supporting_service").include("supporting_service"),
        required("dependent_service").include("dependent_service"),
    ],
    filters: &[],
    check: |_| Ok(()),
    seed: include_str!("../../seed/service_dependencies.json"),
};

/// <https://developer.pagerduty.com/api-reference/4c0936c241cbb-list-maintenance-windows>
pub static MAINTENANCE_WINDOW: Kind = Kind {
    name: "maintenance_window",
    many: "maintenance_windows",
    path: "maintenance_windows",
    page: "service-directory/maintenance-windows",
    serves: &[List, Show],
    fields: &[
        optional("sequence_number", "1"),
        required("start_time"),
        required("end_time"),
        optional("description", r#""""#),
        optional("created_by", "null").include("users"),
        optional("services", "[]").include("services"),
        computed("teams", maintenance_windows::teams).include("teams"),
    ],
    filters: &[
        ("query", Contains(&["description"])),
        ("service_ids[]", Refers("services")),
        ("team_ids[]", By(maintenance_windows::concerns)),
        ("filter", By(maintenance_windows::is_in)),
    ],
    check: maintenance_windows::check,
    seed: include_str!("../../seed/maintenance_windows.json"),
};
