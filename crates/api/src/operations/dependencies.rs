//! Service dependencies, and business services with the impact of incidents on them.

use super::incidents::INCIDENTS;
use super::services::SERVICES;
use crate::{Operation, Paging, Resource};

/// Business services: what customers use, made of technical services.
pub const BUSINESS_SERVICES: Resource = Resource {
    noun: "business service",
    one: "business_service",
    many: "business_services",
    pages: &["business_services", "business-services"],
};

/// Dependencies: each connects two services, of which one supports the other.
pub const RELATIONSHIPS: Resource =
    Resource { noun: "dependency", one: "relationship", many: "relationships", pages: &[] };

/// Business services with the impact of the open incidents on them.
pub const IMPACTS: Resource = Resource { noun: "impact", one: "service", many: "services", pages: &[] };

pub(super) const ALL: &[&Operation] = &[
    &GET_TECHNICAL_SERVICE_DEPENDENCIES,
    &GET_BUSINESS_SERVICE_DEPENDENCIES,
    &LIST_BUSINESS_SERVICES,
    &GET_BUSINESS_SERVICE,
    &GET_IMPACTS,
    &GET_SUPPORTING_IMPACTS,
    &GET_INCIDENT_IMPACTS,
];

const READ: &[&str] = &["services.read"];

/// Lists the direct dependencies of a technical service, in both directions.
pub const GET_TECHNICAL_SERVICE_DEPENDENCIES: Operation = Operation::list_of(
    "getTechnicalServiceServiceDependencies",
    "/service_dependencies/technical_services/{id}",
    &SERVICES,
    &RELATIONSHIPS,
    READ,
);

/// Lists the direct dependencies of a business service, in both directions.
pub const GET_BUSINESS_SERVICE_DEPENDENCIES: Operation = Operation::list_of(
    "getBusinessServiceServiceDependencies",
    "/service_dependencies/business_services/{id}",
    &BUSINESS_SERVICES,
    &RELATIONSHIPS,
    READ,
);

/// Lists business services.
pub const LIST_BUSINESS_SERVICES: Operation =
    Operation::list("listBusinessServices", "/business_services", &BUSINESS_SERVICES, Paging::Offset, READ);

/// Reads one business service.
pub const GET_BUSINESS_SERVICE: Operation =
    Operation::get("getBusinessService", "/business_services/{id}", &BUSINESS_SERVICES, READ);

/// Lists business services with the impact on them, the most impacted first: those at the top, or the given ones.
pub const GET_IMPACTS: Operation =
    Operation::list("getBusinessServiceImpacts", "/business_services/impacts", &IMPACTS, Paging::Whole, READ);

/// Lists the business services that support another one, the most impacted first.
pub const GET_SUPPORTING_IMPACTS: Operation = Operation::list_of(
    "getBusinessServiceSupportingServiceImpacts",
    "/business_services/{id}/supporting_services/impacts",
    &BUSINESS_SERVICES,
    &IMPACTS,
    READ,
);

/// Lists the business services that an incident impacts.
pub const GET_INCIDENT_IMPACTS: Operation = Operation::list_of(
    "getIncidentImpactedBusinessServices",
    "/incidents/{id}/business_services/impacts",
    &INCIDENTS,
    &IMPACTS,
    &["incidents.read"],
);
