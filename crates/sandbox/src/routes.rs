//! The routes, and the layers that every request passes. The kinds determine the routes of the engine.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::DATE;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use axum::{Extension, Router};
use pagerduty_serve::serve;
use tokio::net::TcpListener;

use super::account::Account;
use super::behavior::contacts::{self, CONTACTS};
use super::behavior::shift_schedules::parts::{self, PARTS};
use super::behavior::shift_schedules::rotations;
use super::behavior::{
    alerts, automations, change_events, communications, created, custom_fields, dependencies, feeds, incidents,
    log_entries, maintenance_windows, notes, notifications, oncalls, overrides, responders, responses, runs, schedules,
    shift_schedules, similar, status_pages, teams, updates, users, workflows,
};
use super::call::Call;
use super::connection::{Abort, Connection};
use super::faults::abort;
use super::kind::Verb;
use super::kinds::KINDS;
use super::reply::{Answer, Problem, Written, response};
use super::state::Shared;
use super::{control, edits, engine, guard, identity};

/// The events of a rotation.
const EVENTS: &str = "/v3/schedules/{id}/rotations/{rotation_id}/events";

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Serves until the other end of [`Server::stopped`](super::state::Server) is dropped.
pub async fn run(server: Shared, listener: TcpListener) {
    let mut stopped = server.stopped.clone();
    serve(listener, routes(server), Connection::new, async move { _ = stopped.changed().await }).await;
}

fn routes(server: Shared) -> Router {
    let operations = KINDS.iter().flat_map(|kind| kind.serves.iter().map(move |verb| (*kind, *verb)));
    let kinds = operations.fold(Router::new(), |routes, (kind, verb)| {
        let (list, one) = (format!("/{}", kind.path), format!("/{}/{{id}}", kind.path));
        let (path, route) = match verb {
            Verb::List => (list, read(move |account, call| engine::list(kind, account, call))),
            Verb::Show => (one, read(move |account, call| engine::show(kind, account, call))),
            Verb::Create => {
                let create = move |account: &mut _, call: &_| edits::create(kind, account, call);
                (list, write(MethodFilter::POST, edits::CREATED, create))
            }
            Verb::Update => {
                let update = move |account: &mut _, call: &_| edits::update(kind, account, call);
                (one, write(MethodFilter::PUT, StatusCode::OK, update))
            }
            Verb::Delete => {
                let delete = move |account: &mut _, call: &_| edits::delete(kind, account, call);
                (one, write(MethodFilter::DELETE, edits::DELETED, delete))
            }
        };
        routes.route(&path, route)
    });
    let kinds = PARTS.iter().fold(kinds, |routes, part| {
        let path = format!("/v3/schedules/{{id}}/{}", part.many);
        with_parts(routes, &path, *part, [parts::list, parts::show], [parts::create, parts::update, parts::delete])
    });
    let kinds = CONTACTS.iter().fold(kinds, |routes, contact| {
        let path = format!("/users/{{id}}/{}", contact.many);
        let writes = [contacts::create, contacts::update, contacts::delete];
        with_parts(routes, &path, *contact, [contacts::list, contacts::show], writes)
    });
    let writes = [rotations::create_event, rotations::update_event, rotations::delete_event];
    let kinds = with_parts(kinds, EVENTS, (), [rotations::list_events, rotations::show_event], writes);
    let kinds = with_status_pages(kinds);
    let api = with_communications(with_automations(with_incidents(kinds)))
        .route("/abilities", read(control::abilities))
        .route("/oncalls", read(oncalls::list))
        .route("/schedules", read(schedules::list))
        .route("/schedules/{id}", read(schedules::show))
        .route("/schedules/{id}/users", read(schedules::users))
        .route(
            "/schedules/{id}/overrides",
            read(overrides::list).merge(write(MethodFilter::POST, StatusCode::CREATED, overrides::create)),
        )
        .route("/schedules/{id}/overrides/{override_id}", write_with(MethodFilter::DELETE, overrides::delete))
        .route(
            "/v3/schedules",
            read(shift_schedules::list).merge(write_with(MethodFilter::POST, shift_schedules::create)),
        )
        .route(
            "/v3/schedules/{id}",
            read(shift_schedules::show).merge(write_with(MethodFilter::PUT, shift_schedules::update)).merge(write(
                MethodFilter::DELETE,
                edits::DELETED,
                shift_schedules::delete,
            )),
        )
        .route(
            "/v3/schedules/{id}/rotations",
            read(rotations::list).merge(write_with(MethodFilter::POST, rotations::create)),
        )
        .route(
            "/v3/schedules/{id}/rotations/{rotation_id}",
            read(rotations::show).merge(write_with(MethodFilter::DELETE, rotations::delete)),
        )
        .route("/teams/{id}/members", read(teams::members))
        .route("/users/me", read(users::me))
        .route("/users/{id}", read(users::show))
        .fallback(unserved)
        .method_not_allowed_fallback(unserved)
        .layer(from_fn_with_state(Arc::clone(&server), admit))
        .merge(identity::routes())
        .route("/private/{key}/feed", get(feeds::serve))
        .layer(from_fn_with_state(Arc::clone(&server), inject_fault));
    control::routes(&server).merge(api).layer(from_fn_with_state(Arc::clone(&server), guard::check)).with_state(server)
}

/// Answers a request of an operation that the sandbox lacks, so that it is not taken for a missing object.
async fn unserved(method: Method, uri: Uri) -> Problem {
    Problem::not_found().because(format!("The sandbox does not serve {method} {}.", uri.path()))
}

/// Adds the routes of incidents and of their history.
fn with_incidents(routes: Router<Shared>) -> Router<Shared> {
    routes
        .route(
            "/incidents",
            read(incidents::list).merge(write(MethodFilter::PUT, StatusCode::OK, updates::update_many)).merge(write(
                MethodFilter::POST,
                edits::CREATED,
                created::create,
            )),
        )
        .route(
            "/incidents/{id}",
            read(incidents::show).merge(write(MethodFilter::PUT, StatusCode::OK, updates::update)),
        )
        .route(
            "/incidents/{id}/notes",
            read(notes::list).merge(write(MethodFilter::POST, StatusCode::OK, notes::create)),
        )
        .route(
            "/incidents/{id}/notes/{note_id}",
            write(MethodFilter::PUT, StatusCode::OK, responses::update_note).merge(write(
                MethodFilter::DELETE,
                edits::DELETED,
                responses::delete_note,
            )),
        )
        .route("/incidents/types", read(responses::types))
        .route("/incidents/{id}/snooze", write(MethodFilter::POST, edits::CREATED, responses::snooze))
        .route("/incidents/{id}/responder_requests", write(MethodFilter::POST, StatusCode::OK, responders::create))
        .route(
            "/incidents/{id}/responder_requests/cancel",
            write(MethodFilter::PUT, StatusCode::OK, responders::cancel),
        )
        .route("/incidents/{id}/merge", write(MethodFilter::PUT, StatusCode::OK, responses::merge))
        .route(
            "/incidents/{id}/alerts",
            read(alerts::list).merge(write(MethodFilter::PUT, StatusCode::OK, responses::update_alerts)),
        )
        .route(
            "/incidents/{id}/alerts/{alert_id}",
            read(alerts::show).merge(write(MethodFilter::PUT, StatusCode::OK, responses::update_alert)),
        )
        .route("/incidents/{id}/log_entries", read(log_entries::of_incident))
        .route("/log_entries", read(log_entries::of_account))
        .route("/log_entries/{id}", read(log_entries::show))
        .route(
            "/incidents/{id}/custom_fields/values",
            read(custom_fields::list).merge(write(MethodFilter::PUT, StatusCode::OK, custom_fields::update)),
        )
        .route("/incidents/{id}/outlier_incident", read(similar::outlier))
        .route("/incidents/{id}/related_change_events", read(change_events::related))
        .route("/change_events", read(change_events::list))
        .route("/change_events/{id}", read(change_events::show))
        .route("/services/{id}/change_events", read(change_events::of_service))
        .route("/notifications", read(notifications::list))
        .route("/incidents/{id}/past_incidents", read(similar::past))
        .route("/incidents/{id}/related_incidents", read(similar::related))
}

/// Adds the routes of dependencies, business services, workflows and automation actions.
fn with_automations(routes: Router<Shared>) -> Router<Shared> {
    routes
        .route("/incidents/{id}/business_services/impacts", read(dependencies::of_incident))
        .route("/business_services/impacts", read(dependencies::impacts))
        .route("/business_services/{id}/supporting_services/impacts", read(dependencies::supporting))
        .route("/service_dependencies/technical_services/{id}", read(dependencies::of_technical))
        .route("/service_dependencies/business_services/{id}", read(dependencies::of_business))
        .route("/incident_workflows", read(workflows::list))
        .route("/incident_workflows/{id}", read(workflows::show))
        .route("/incident_workflows/{id}/instances", write(MethodFilter::POST, edits::CREATED, runs::start))
        .route("/automation_actions/actions/{id}/invocations", write(MethodFilter::POST, edits::CREATED, runs::invoke))
        .route("/incident_workflows/triggers", read(workflows::triggers))
        .route("/automation_actions/actions", read(automations::list))
        .route("/automation_actions/actions/{id}", read(automations::show))
        .route("/automation_actions/invocations", read(automations::runs))
        .route("/automation_actions/invocations/{id}", read(automations::run))
        .route("/maintenance_windows", write(MethodFilter::POST, edits::CREATED, maintenance_windows::create))
        .route(
            "/maintenance_windows/{id}",
            write(MethodFilter::PUT, StatusCode::OK, maintenance_windows::update)
                .merge(write_with(MethodFilter::DELETE, maintenance_windows::delete)),
        )
        .route("/sre_agent/memories", read(automations::memories))
}

/// Adds the routes of status updates and of impacts that a user states.
fn with_communications(routes: Router<Shared>) -> Router<Shared> {
    let subscribe = write(MethodFilter::POST, StatusCode::OK, communications::subscribe);
    routes
        .route(
            "/incidents/{id}/status_updates",
            write(MethodFilter::POST, StatusCode::OK, communications::create_status_update),
        )
        .route("/business_services/{id}/subscribers", read(communications::business_subscribers))
        .route("/incidents/{id}/status_updates/subscribers", read(communications::subscribers).merge(subscribe))
        .route(
            "/incidents/{id}/business_services/{business_service_id}/impacts",
            write(MethodFilter::PUT, StatusCode::OK, communications::set_impact),
        )
        .route(
            "/templates/{id}/render",
            on(MethodFilter::POST, async |State(server): State<Shared>, call: Call| {
                let rendered = communications::render(&server.account(), &call);
                response(StatusCode::OK, rendered.map_err(|problem| call.refused(problem)))
            }),
        )
}

/// Adds the routes of status pages.
fn with_status_pages(routes: Router<Shared>) -> Router<Shared> {
    use status_pages::{IMPACTS, SERVICES, SEVERITIES, STATUSES};
    let routes = [STATUSES, SEVERITIES, IMPACTS, SERVICES].into_iter().fold(routes, |routes, part| {
        let list = move |account: &Account, call: &Call| status_pages::parts(part, account, call);
        routes.route(&format!("/status_pages/{{id}}/{}", part.many), read(list))
    });
    let create = |handler| write(MethodFilter::POST, edits::CREATED, handler);
    let create_post: fn(&mut Account, &Call) -> Answer = status_pages::create;
    routes
        .route("/status_pages", read(status_pages::list))
        .route("/status_pages/{id}/posts", read(status_pages::posts).merge(create(create_post)))
        .route("/status_pages/{id}/posts/{post_id}", read(status_pages::show))
        .route(
            "/status_pages/{id}/posts/{post_id}/post_updates",
            read(status_pages::updates).merge(create(status_pages::create_update)),
        )
        .route(
            "/status_pages/{id}/posts/{post_id}/postmortem",
            read(status_pages::postmortem).merge(write(
                MethodFilter::PUT,
                StatusCode::OK,
                status_pages::set_postmortem,
            )),
        )
}

/// Adds the routes of objects that exist only inside others: lists at `path`, and single ones below it.
fn with_parts<P: Copy + Send + Sync + 'static>(
    routes: Router<Shared>,
    path: &str,
    part: P,
    [list, show]: [fn(P, &Account, &Call) -> Answer; 2],
    [create, update, delete]: [fn(P, &mut Account, &Call) -> Written; 3],
) -> Router<Shared> {
    let read = |handler: fn(P, &Account, &Call) -> Answer| read(move |account, call| handler(part, account, call));
    let write = |method, handler: fn(P, &mut Account, &Call) -> Written| {
        write_with(method, move |account, call| handler(part, account, call))
    };
    let one = read(show).merge(write(MethodFilter::PUT, update)).merge(write(MethodFilter::DELETE, delete));
    routes.route(path, read(list).merge(write(MethodFilter::POST, create))).route(&format!("{path}/{{part_id}}"), one)
}

/// Routes `GET` to a handler that reads the account.
fn read(handler: impl Fn(&Account, &Call) -> Answer + Clone + Send + Sync + 'static) -> MethodRouter<Shared> {
    get(async move |State(server): State<Shared>, call: Call| {
        response(StatusCode::OK, handler(&server.account(), &call).map_err(|problem| call.refused(problem)))
    })
}

/// Routes a method to a handler that changes the account.
fn write(
    method: MethodFilter,
    status: StatusCode,
    handler: impl Fn(&mut Account, &Call) -> Answer + Clone + Send + Sync + 'static,
) -> MethodRouter<Shared> {
    write_with(method, move |account, call| handler(account, call).map(|body| (status, body)))
}

/// Routes a method to a handler that changes the account and chooses the status.
fn write_with(
    method: MethodFilter,
    handler: impl Fn(&mut Account, &Call) -> Written + Clone + Send + Sync + 'static,
) -> MethodRouter<Shared> {
    on(method, async move |State(server): State<Shared>, call: Call| {
        if let Err(problem) = call.caller.may_write() {
            return problem.into_response();
        }
        let takes_time = server.changes_take_time();
        let handler = handler.clone();
        let change = move || match server.change(|account| handler(account, &call)) {
            Ok((status, body)) => response(status, Ok(body)),
            Err(problem) => call.refused(problem).into_response(),
        };
        if takes_time {
            tokio::task::spawn_blocking(change).await.unwrap_or_else(|_| Problem::of_status(500).into_response())
        } else {
            change()
        }
    })
}

/// Records every request, delays it, and applies a fault if one matches. A request ends when the sandbox does.
async fn inject_fault(
    State(server): State<Shared>,
    Extension(connection): Extension<Abort>,
    request: Request,
    next: Next,
) -> Response {
    server.record(&request);
    let mut stopped = server.stopped.clone();
    let answer = async {
        if !server.latency.is_zero() {
            tokio::time::sleep(server.latency).await;
        }
        let uri = request.uri();
        match server.faults.matching(request.method().as_str(), uri.path(), uri.query().unwrap_or_default()) {
            Some(fault) => fault.apply(request, next, &connection).await,
            None => next.run(request).await,
        }
    };
    tokio::select! {
        answer = answer => answer,
        _ = stopped.changed() => abort(&connection),
    }
}

/// Admits a known caller within the rate limit, and adds the headers that every answer of PagerDuty has.
async fn admit(State(server): State<Shared>, mut request: Request, next: Next) -> Response {
    let caller = server.caller(request.headers());
    let allowance = match &caller {
        Ok(caller) => server.limit.spend(caller, Instant::now()),
        Err(_) => server.limit.untouched(),
    };
    let mut response = match caller {
        Err(problem) => problem.into_response(),
        Ok(_) if allowance.exceeded => Problem::rate_limited().into_response(),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    allowance.write(response.headers_mut());
    // The account's clock, as for all times in answers.
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&server.now()).ok();
    response.headers_mut().extend(date.and_then(|date| HeaderValue::try_from(date).ok()).map(|date| (DATE, date)));
    let id = format!("sandbox-{:08}", server.number_answer());
    response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (X_REQUEST_ID, id)));
    response
}
