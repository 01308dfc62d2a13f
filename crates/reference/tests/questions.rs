//! Asks for operations as engineers do, without PagerDuty's names.

use pagerduty_reference::Reference;

/// Questions, and the operation that answers each.
const QUESTIONS: &[(&str, &str)] = &[
    ("which incidents are open right now", "listIncidents"),
    ("page a person about a new problem", "createIncident"),
    ("acknowledge several incidents in bulk", "updateIncidents"),
    ("ack an incident", "updateIncident"),
    ("leave a comment on an incident", "createIncidentNote"),
    ("read the comments of an incident", "listIncidentNotes"),
    ("delete a note", "deleteIncidentNote"),
    ("what happened on this incident, the timeline", "listIncidentLogEntries"),
    ("what did the monitoring send, the alert payload", "listIncidentAlerts"),
    ("resolve one alert of an incident", "updateIncidentAlert"),
    ("snooze an incident for two hours", "createIncidentSnooze"),
    ("combine duplicate incidents", "mergeIncidents"),
    ("ask another responder to join", "createIncidentResponderRequest"),
    ("cancel a responder request", "cancelIncidentResponderRequest"),
    ("has this happened before, similar past incidents", "getPastIncidents"),
    ("related incidents at the same time", "getRelatedIncidents"),
    ("which deploys are related to the incident", "listIncidentRelatedChangeEvents"),
    ("tell stakeholders how the incident stands", "createIncidentStatusUpdate"),
    ("subscribe a manager to updates of an incident", "createIncidentNotificationSubscribers"),
    ("set the value of a custom field on an incident", "setIncidentFieldValues"),
    ("run a workflow on an incident", "createIncidentWorkflowInstance"),
    ("which workflows do we have", "listIncidentWorkflows"),
    ("create an incident workflow", "postIncidentWorkflow"),
    ("when does a workflow start by itself", "listIncidentWorkflowTriggers"),
    ("list incident types", "listIncidentTypes"),
    ("add a choice to a custom field of an incident type", "createIncidentTypeCustomFieldFieldOptions"),
    ("what priorities exist, P1 P2", "listPriorities"),
    ("who is on call now", "listOnCalls"),
    ("list our schedules", "listSchedules"),
    ("who is on call on a schedule tonight", "listScheduleUsers"),
    ("swap a shift on a schedule", "createScheduleOverride"),
    ("preview a rota before saving", "createSchedulePreview"),
    ("delete an override", "deleteScheduleOverride"),
    ("create a rotation with recurring shifts", "createRotation"),
    ("add an extra shift", "createCustomShifts"),
    ("history of changes to a schedule", "listSchedulesAuditRecords"),
    ("list the escalation policies", "listEscalationPolicies"),
    ("change the levels of an escalation policy", "updateEscalationPolicy"),
    ("delete an escalation policy", "deleteEscalationPolicy"),
    ("list services", "listServices"),
    ("create a service", "createService"),
    ("integration key of a service", "getServiceIntegration"),
    ("add a Datadog integration to a service", "createServiceIntegration"),
    ("which monitoring tools can integrate", "listVendors"),
    ("what does a service depend on", "getTechnicalServiceServiceDependencies"),
    ("link two services as dependencies", "createServiceDependency"),
    ("remove a dependency between services", "deleteServiceDependency"),
    ("recent deployments of a service", "listServiceChangeEvents"),
    ("all deployments in the account", "listChangeEvents"),
    ("silence a service during planned work", "createMaintenanceWindow"),
    ("which maintenance windows are there", "listMaintenanceWindows"),
    ("end a maintenance window", "updateMaintenanceWindow"),
    ("list teams", "listTeams"),
    ("who is in a team", "listTeamUsers"),
    ("add a user to a team", "updateTeamUser"),
    ("kick a user out of a team", "deleteTeamUser"),
    ("create a team", "createTeam"),
    ("list all users", "listUsers"),
    ("who am I", "getCurrentUser"),
    ("invite a new user", "createUser"),
    ("phone number of a user", "getUserContactMethods"),
    ("add an email address to a user", "createUserContactMethod"),
    ("how is a user notified for high urgency", "getUserNotificationRules"),
    ("which license does a user have", "getUserLicense"),
    ("how many licenses are left", "listLicenses"),
    ("sign a user out of the mobile app", "deleteOauthDelegations"),
    ("replace a leaked calendar feed address", "regenerateUserPrivateUrlKey"),
    ("who changed the configuration, audit", "listAuditRecords"),
    ("audit of a team", "listTeamsAuditRecords"),
    ("what notifications were sent, phone calls and SMS", "listNotifications"),
    ("webhooks that we have", "listWebhookSubscriptions"),
    ("create a webhook", "createWebhookSubscription"),
    ("send a test event to our webhook", "testWebhookSubscription"),
    ("Slack extensions", "listExtensions"),
    ("routing rules of an event orchestration", "getOrchPathRouter"),
    ("change how events are routed to services", "updateOrchPathRouter"),
    ("what happens with events that match no route", "getOrchPathUnrouted"),
    ("event rules on a service orchestration", "getOrchPathService"),
    ("global event orchestration rules", "getOrchPathGlobal"),
    ("list event orchestrations", "listEventOrchestrations"),
    ("legacy rulesets", "listRulesets"),
    ("group alerts in a time window", "postAlertGroupingSettings"),
    ("how are alerts grouped", "listAlertGroupingSettings"),
    ("mean time to resolve by service", "getAnalyticsMetricsIncidentsService"),
    ("on-call load of responders", "getAnalyticsMetricsRespondersAll"),
    ("mean time to acknowledge by team", "getAnalyticsMetricsIncidentsTeam"),
    ("export raw incident analytics", "getAnalyticsIncidents"),
    ("business services that are impacted", "getBusinessServiceImpacts"),
    ("create a business service", "createBusinessService"),
    ("mark a business service as affected by an incident", "putIncidentManualBusinessServiceAssociation"),
    ("publish a post on the status page", "createStatusPagePost"),
    ("update a status page post with news", "createStatusPagePostUpdate"),
    ("subscribers of the public status page", "listStatusPageSubscriptions"),
    ("postmortem of a status page post", "getPostmortem"),
    ("tag a service or user", "createEntityTypeByIdChangeTags"),
    ("which users have a tag", "getTagsByEntityType"),
    ("run an automation action", "createAutomationActionInvocation"),
    ("output of an automation run", "getAutomationActionsInvocation"),
    ("runbooks that the SRE agent has learned", "listSreMemories"),
    ("restrict access to IP addresses", "createIpAllowList"),
];

#[test]
fn ninety_of_a_hundred_questions_find_the_operation() {
    assert_eq!(QUESTIONS.len(), 100);
    let place = |(question, id): &(&str, &str)| {
        let found = Reference::get().search(question, 10);
        found.iter().position(|operation| operation.id == *id)
    };
    let is_found = |asked: &&(&str, &str)| place(asked).is_some_and(|place| place < 3);
    let missed: Vec<_> = QUESTIONS.iter().filter(|asked| !is_found(asked)).map(|asked| (asked, place(asked))).collect();
    assert!(missed.len() <= 10, "{} questions: {missed:#?}", missed.len());
}

#[test]
fn every_operation_is_found_by_its_description() {
    for operation in Reference::get().operations().iter().filter(|operation| !operation.deprecated) {
        let found = Reference::get().search(operation.does, 10);
        assert!(found.iter().any(|one| one.id == operation.id), "{}: {}", operation.id, operation.does);
    }
}

#[test]
fn question_without_known_words_finds_nothing() {
    assert!(Reference::get().search("xyzzy", 3).is_empty());
    assert!(Reference::get().search("", 3).is_empty());
}
