//! `set_business_impact`: states whether an incident affects a business service.

use pagerduty_api::operations::communications::{LIST_BUSINESS_SERVICE_SUBSCRIBERS, SET_INCIDENT_IMPACT};
use pagerduty_api::operations::dependencies::{GET_BUSINESS_SERVICE, GET_INCIDENT_IMPACTS};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::teams::GET_TEAM;
use pagerduty_api::operations::users::GET_USER;
use serde_json::{Value, json};

use super::subscribers::{self, Subscriber};
use crate::client::{IMPACTED, Query};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{BusinessService, Incident, Model};
use crate::params::{Flag, Switch};
use crate::receipts::{Fields, Receipt};
use crate::reply::Reply;
use crate::tools::gather::side_by_side;
use crate::tools::respond::report::{Outcome, Report, Row};
use crate::tools::respond::start;
use crate::tools::{About, Context, Tool, run};

/// The kind of these changes in receipts.
pub(in crate::tools) const KIND: &str = "impact";

/// States the impact on a business service.
pub(super) const SET_BUSINESS_IMPACT: Tool = Tool::new::<Params>(
    "set_business_impact",
    About {
        title: "Mark business impact",
        description: "Mark a business service (product) as affected by an incident.",
        hint: "business impact affected service product mark customers",
    },
    &[
        &SET_INCIDENT_IMPACT,
        &GET_INCIDENT_IMPACTS,
        &GET_BUSINESS_SERVICE,
        &GET_INCIDENT,
        &LIST_BUSINESS_SERVICE_SUBSCRIBERS,
        &GET_USER,
        &GET_TEAM,
    ],
    |cx, arguments| run(cx, arguments, set_business_impact),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Name or ID"
        business_service_id: Id<BusinessService>,
        "Or not"
        impacted: Switch,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

async fn set_business_impact(cx: Context, params: Params) -> Result<Reply> {
    let incident = cx.api.incident_id(&params.incident_id).await?;
    let wanted = [(params.business_service_id, params.impacted.is_on())];
    change(&cx, &incident, &wanted, params.dry_run.is_on()).await?.reply(&cx).await
}

/// Takes back changes of impacts.
pub(in crate::tools) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let unusable =
        || Error::new(Code::InvalidReceipt, "the receipt has no usable ID").hint("Change the impact directly.");
    let incident = Id::parse(&receipt.owner).ok_or_else(unusable)?;
    let mut wanted = Vec::new();
    for row in &receipt.rows {
        let before = row.before.get(IMPACTED).and_then(Value::as_bool).ok_or_else(unusable)?;
        for id in &row.ids {
            wanted.push((Id::parse(id).ok_or_else(unusable)?, before));
        }
    }
    change(cx, &incident, &wanted, dry_run).await
}

/// Sets the impact on business services. There are only two values, so a service that does not have the wanted one has the
/// other one.
async fn change(
    cx: &Context,
    incident: &Id<Incident>,
    wanted: &[(Id<BusinessService>, bool)],
    dry_run: bool,
) -> Result<Report> {
    let _held = start::hold(cx, std::slice::from_ref(incident), dry_run).await;
    let (impacts, fields) =
        tokio::join!(cx.api.impacts(incident), cx.api.incident_fields(std::slice::from_ref(incident), &[]));
    let (id, fields) =
        fields.into_iter().next().unwrap_or_else(|| Err(Error::new(Code::Internal, "the incident was not read")))?;
    let impacts = impacts?;
    let mut report = Report { owner: id.to_string(), ..Report::new(KIND, "business_services") };
    let shown = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let head = json!({"id": id.as_str(), "incident_number": shown("incident_number"), "title": shown("title")});
    report.more.insert("incident".to_owned(), head);
    for (service, wanted) in wanted {
        let known = impacts.get(service.as_str());
        let before = known.and_then(|known| known.get(IMPACTED)?.as_bool()).unwrap_or(false);
        let mut row = Row::new(service, Outcome::DryRun);
        row.head.insert("name".to_owned(), name(cx, service, known).await?);
        let value = |is_impacted: bool| Fields::from_iter([(IMPACTED.to_owned(), is_impacted.into())]);
        if before == *wanted {
            row.outcome = Outcome::AlreadySo;
        } else if fields.get("status").is_some_and(|status| status == "resolved") {
            row.outcome = Outcome::Conflict;
            row.problem = Some("The incident is resolved, and only open incidents have an impact.".to_owned());
        } else {
            (row.before, row.after) = (value(before), value(*wanted));
            if !dry_run {
                let made = cx.api.set_impact(&id, service, *wanted).await;
                report.sent |= cx.api.has_sent();
                match made {
                    Ok(done) => {
                        row.outcome = Outcome::Applied;
                        report.warnings.extend(done.warning);
                    }
                    Err(error) => row = Row { head: row.head, ..Row::failed(service, error) },
                }
            }
        }
        report.rows.push(row);
    }
    if dry_run && report.rows.iter().any(|row| row.outcome == Outcome::DryRun) {
        tells(cx, &mut report).await;
        let undo = "undo sets it back; notifications that were sent stay sent.";
        report.more.insert("undo".to_owned(), undo.into());
    }
    Ok(report)
}

/// Adds the subscribers of the business services that would change: PagerDuty notifies them.
async fn tells(cx: &Context, report: &mut Report) {
    let rows = report.rows.iter().filter(|row| row.outcome == Outcome::DryRun);
    let services: Vec<Id<BusinessService>> = rows.filter_map(|row| Id::parse(&row.id)).collect();
    let mut tells: Vec<Subscriber> = Vec::new();
    let reads = services.iter().map(|service| cx.api.business_subscribers(service));
    for listed in side_by_side(cx, reads.collect::<Vec<_>>()).await {
        match listed {
            Ok(listed) => {
                for subscriber in listed.iter().map(|(id, fields)| Subscriber::read(id, fields)) {
                    if !tells.contains(&subscriber) {
                        tells.push(subscriber);
                    }
                }
            }
            Err(error) => report.warnings.push(format!("The subscribers could not be fetched: {error}")),
        }
    }
    report.warnings.extend(subscribers::name(cx, &mut tells).await);
    report.more.insert("tells".to_owned(), tells.iter().map(Subscriber::shown).collect());
}

/// Returns the name of a business service. One that does not exist is an error.
async fn name(cx: &Context, service: &Id<BusinessService>, known: Option<&Fields>) -> Result<Value> {
    if let Some(name) = known.and_then(|known| known.get("name")).filter(|name| name.is_string()) {
        return Ok(name.clone());
    }
    let row = cx.api.one(service, Query::new(), &BusinessService::facts_only()).await?;
    Ok(row.facts.name.into())
}
