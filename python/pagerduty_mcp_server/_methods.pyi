"""Methods for tools, as type checkers and editors read them.

Generated from the catalogue: `UPDATE_DOCS=1 cargo test docs` writes it anew.
"""

from collections.abc import AsyncGenerator, Generator
from typing import Any

from .types import (
    EscalationPolicy,
    EscalationPolicyList,
    Incident,
    IncidentList,
    NoteList,
    Oncall,
    OncallList,
    Schedule,
    ScheduleList,
    Service,
    ServiceList,
    Team,
    TeamList,
    User,
    UserContext,
    UserList,
)

__all__ = ["AsyncTools", "SyncTools"]

class AsyncTools:
    """A coroutine for each tool, and an asynchronous iterator for each list."""

    async def build_user_context(self) -> UserContext:
        """Returns the current user.

        The answer has the ID, name and email address of the user, and the IDs of the user's teams,
        services and escalation policies.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_incidents(
        self,
        *,
        incident_id: str | int | None = None,
        current_user_context: bool = True,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include_past_incidents: bool = False,
        include_related_incidents: bool = False,
        include_notes: bool = False,
        include: list[str] | None = None,
    ) -> IncidentList:
        """Returns incidents, newest first, or one incident.

        Without filters the list has the incidents of the current user's teams. A single incident,
        by its ID or number, also has the details of its alert.

        Args:
            incident_id: The ID or number of a single incident to return. It excludes the
                filters of lists.
            current_user_context: Whether to list the incidents of the current user's teams and
                of their services. Pass `False` with `service_ids` or `team_ids` for others.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to incidents of these teams. Requires
                `current_user_context=False`.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is one month before `until`.
            until: The end of the range, now by default. It may be at most 180 days after
                `since`.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include_past_incidents: Whether to add similar incidents of the past. Requires
                `incident_id`.
            include_related_incidents: Whether to add related incidents on other services.
                Requires `incident_id`.
            include_notes: Whether to add the notes of the responders. Requires `incident_id`.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def acknowledge_incident(
        self,
        *,
        incident_id: str | int,
        include: list[str] | None = None,
    ) -> IncidentList:
        """Acknowledges an incident.

        The current user takes responsibility for it, and paging and escalation stop.

        Args:
            incident_id: The ID or number of the incident.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def resolve_incident(
        self,
        *,
        incident_id: str | int,
        include: list[str] | None = None,
    ) -> IncidentList:
        """Resolves an incident.

        A resolved incident is closed, and no method of this package can reopen it.

        Args:
            incident_id: The ID or number of the incident.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def add_incident_note(
        self,
        *,
        incident_id: str | int,
        content: str,
    ) -> NoteList:
        """Adds a note to an incident.

        All responders of the incident can read the note.

        Args:
            incident_id: The ID or number of the incident.
            content: The text of the note.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        escalation_policy_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        earliest: bool = False,
        include: list[str] | None = None,
    ) -> OncallList:
        """Returns who is on call, now or in a time range.

        Without filters the list covers the escalation policies of the current user and of the
        user's teams. Level 1 is paged first. An entry without `start` and `end` is permanent.

        Args:
            current_user_context: Whether to list the policies of the current user and of the
                user's teams. Pass `False` with a filter for others.
            schedule_ids: Restricts the list to turns on these schedules.
            user_ids: Restricts the list to turns of these users. Requires
                `current_user_context=False`.
            escalation_policy_ids: Restricts the list to turns on these escalation policies.
                Requires `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default. It may be at most 90 days ahead.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            earliest: Whether to return only the next turn of each policy, level and user.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_schedules(
        self,
        *,
        schedule_id: str | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        since: str | None = None,
        until: str | None = None,
        include: list[str] | None = None,
    ) -> ScheduleList:
        """Returns on-call schedules, or one schedule.

        With `since` or `until`, a single schedule also has its final turns and its overrides.

        Args:
            schedule_id: The ID of a single schedule to return. It excludes the filters of
                lists.
            query: A part of the name.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            since: The start of the range of a single schedule in ISO 8601, in UTC unless it has
                an offset.
            until: The end of the range of a single schedule, two weeks after `since` by
                default.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def list_users_oncall(
        self,
        *,
        schedule_id: str,
        since: str | None = None,
        until: str | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> UserList:
        """Returns the users who are on call on one schedule, now or in a time range.

        Each user has an email address. Phone numbers need `include=["contact_methods"]`.

        Args:
            schedule_id: The ID of the schedule.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_escalation_policies(
        self,
        *,
        policy_id: str | None = None,
        current_user_context: bool = True,
        query: str | None = None,
        user_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> EscalationPolicyList:
        """Returns escalation policies, or one policy.

        A policy says who is paged in which order, and when a page escalates. Without filters the
        list has the policies of the current user's teams that page the user.

        Args:
            policy_id: The ID of a single policy to return. It excludes the filters of lists.
            current_user_context: Whether to list the policies of the current user's teams that
                page the user. Pass `False` with `user_ids`, `team_ids` or `query` for others.
            query: A part of the name. Without users and teams, all policies are searched.
            user_ids: Restricts the list to policies that page these users. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to policies of these teams. Requires
                `current_user_context=False`.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_services(
        self,
        *,
        service_id: str | None = None,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> ServiceList:
        """Returns services, or one service.

        Incidents belong to services. Without filters the list has the services of the current
        user's teams.

        Args:
            service_id: The ID of a single service to return. It excludes the filters of lists.
            current_user_context: Whether to list the services of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to services of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all services are searched.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_teams(
        self,
        *,
        team_id: str | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> TeamList:
        """Returns teams by name, or one team.

        Args:
            team_id: The ID of a single team to return. It excludes the filters of lists.
            query: A part of the name.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_users(
        self,
        *,
        user_id: str | None = None,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> UserList:
        """Returns users, or one user.

        Without filters the list has the members of the current user's teams.

        Args:
            user_id: The ID of a single user to return. It excludes the filters of lists.
            current_user_context: Whether to list the members of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to members of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all users are searched.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def find(
        self,
        *,
        text: list[str] | None = None,
        kinds: list[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> dict[str, Any]:
        """Returns the objects that texts stand for, of any kind.

        Each row has the kind, the ID and the name. Without a text, all objects of one kind are
        returned.

        Args:
            text: Names, email addresses, web URLs, IDs, incident numbers or integration keys.
            kinds: Restricts the search to these kinds: `services`, `teams`, `users`,
                `schedules`, `escalation_policies` or `incidents`. The default is all.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def whos_oncall(
        self,
        *,
        service_id: str | None = None,
        team_id: str | None = None,
        policy_id: str | None = None,
        schedule_id: str | None = None,
        at: str | None = None,
        contact: bool = False,
    ) -> dict[str, Any]:
        """Show who is on call (has the pager) for a service, team, policy or schedule, now or
        later: each level, until when, who is next.

        Args:
            service_id: One of these four; none: my policies.
            team_id: Team.
            policy_id: Escalation policy.
            schedule_id: The ID of the schedule.
            at: ISO 8601, local without an offset; default now.
            contact: Add phone numbers and emails.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_shifts(
        self,
        *,
        user_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        schedule_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
        format: str | None = None,
    ) -> dict[str, Any]:
        """When am I on call: my shifts or others', past or next, clashes; calendar export.

        Args:
            user_ids: Default me.
            team_ids: Default all.
            schedule_ids: Restricts the list to turns on these schedules.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            time_zone: IANA name; default mine.
            format: Default json.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def check_coverage(
        self,
        *,
        team_ids: list[str] | None = None,
        policy_ids: list[str] | None = None,
        schedule_ids: list[str] | None = None,
        service_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
    ) -> dict[str, Any]:
        """Is every shift covered: gaps in on-call rotas, empty levels, people on two levels, or who
        cannot be paged, clashes.

        Args:
            team_ids: Any of these four; none: my policies.
            policy_ids: Escalation policies.
            schedule_ids: Restricts the list to turns on these schedules.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            time_zone: IANA name; default mine.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_handoff(
        self,
        *,
        team_ids: list[str] | None = None,
        schedule_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
    ) -> dict[str, Any]:
        """Shift handover (handoff) summary for the next person: who takes over when, what is open
        with its last note, what happened, what returns from snooze.

        Args:
            team_ids: Default mine.
            schedule_ids: Restricts the list to turns on these schedules.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            time_zone: IANA name; default mine.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def override_oncall(
        self,
        *,
        schedule_id: str,
        start: str | None = None,
        end: str | None = None,
        user_id: str | None = None,
        replaces_id: str | None = None,
        shifts: list[str] | None = None,
        override_id: str | None = None,
        extra: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Take, cover or swap a shift: override who is on call. Shows before and after. Only when
        the user asks.

        Args:
            schedule_id: The ID of the schedule.
            start: ISO 8601 or now; without an offset in the schedule's time zone.
            end: Like start.
            user_id: User who takes it.
            replaces_id: User to replace, if several are on call.
            shifts: Many at once instead of start, end, user_id; each '2026-12-24 08:00 /
                2026-12-25 08:00: ada@example.com'.
            override_id: Change this override (kind shifts only).
            extra: Add a shift beside the others (kind shifts only).
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def cancel_override(
        self,
        *,
        schedule_id: str,
        override_id: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Remove an override (cover); the rotation holds again. Only when the user asks.

        Args:
            schedule_id: The ID of the schedule.
            override_id: Override or custom shift.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_incident_brief(
        self,
        *,
        incident_id: str | int,
        parts: list[str] | None = None,
        since: str | None = None,
        max_tokens: int | None = None,
    ) -> dict[str, Any]:
        """Everything about one incident in one answer (what is going on): alerts, changes, who is
        on it, timeline, notes, similar incidents, impact, runbooks. Start here.

        Args:
            incident_id: The ID or number of the incident.
            parts: Default all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            max_tokens: From 500 to 20000, default 3000.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def explain_page(
        self,
        *,
        incident_id: str | int,
        user_id: str | None = None,
    ) -> dict[str, Any]:
        """Why was I paged (woken up), and what happens next: who gets paged without an answer.

        Args:
            incident_id: The ID or number of the incident.
            user_id: Default me.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def search_incidents(
        self,
        *,
        text: str | None = None,
        exclude: list[str] | None = None,
        scope: str | None = None,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        priorities: list[str] | None = None,
        incident_key: str | None = None,
        since: str | None = None,
        until: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Find or list incidents (pages, outages) in the whole account, also by words in the title.

        Args:
            text: All these words in the title.
            exclude: Leave out: words of a title, or a service.
            scope: Of my teams is mine, assigned is to me.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Teams.
            user_ids: Assigned users; resolved incidents have none.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            priorities: Like P1.
            incident_key: Key of the alert or event.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            sort_by: Order.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_alerts(
        self,
        *,
        incident_id: str | int,
        alert_id: str | None = None,
        statuses: list[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Alerts (alarms) of an incident: raw payload of the monitor as facts (include +body: all
        of it), graph links, repeats.

        Args:
            incident_id: The ID or number of the incident.
            alert_id: Only this one.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_timeline(
        self,
        *,
        incident_id: str | int | None = None,
        entry_id: str | None = None,
        team_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        overview: bool = False,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Timeline or log of an incident or the account: who did what when, for a postmortem.

        Args:
            incident_id: The ID or number of the incident.
            entry_id: One entry with its raw event.
            team_ids: Account: default mine.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            overview: Without notifications.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_changes(
        self,
        *,
        incident_id: str | int | None = None,
        service_id: str | None = None,
        change_id: str | None = None,
        team_ids: list[str] | None = None,
        integration_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Recent deploys, releases and config changes of an incident, service or team: what
        changed.

        Args:
            incident_id: The ID or number of the incident.
            service_id: Or those of a service.
            change_id: Or one.
            team_ids: Or of teams; default mine.
            integration_ids: Reported by these.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_similar_incidents(
        self,
        *,
        incident_id: str | int,
        kinds: list[str] | None = None,
        since: str | None = None,
        resolutions: bool = True,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Has this happened before and how was it fixed last time: past incidents like it, related
        ones now, how rare.

        Args:
            incident_id: The ID or number of the incident.
            kinds: Default all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            resolutions: Read how they ended.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def who_can_help(
        self,
        *,
        incident_id: str | int,
        awake_only: bool = False,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Experts to ask about an incident, best first: who knows the service, is awake, on call,
        fixed it before, made the change.

        Args:
            incident_id: The ID or number of the incident.
            awake_only: Only where it is day.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_storm(
        self,
        *,
        team_ids: list[str] | None = None,
        service_ids: list[str] | None = None,
        since: str | None = None,
        window_minutes: int | None = None,
    ) -> dict[str, Any]:
        """Too many pages (alert storm, flood): groups open incidents by common cause, proposes
        merges.

        Args:
            team_ids: Default: my teams and their services.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            window_minutes: Starts this close may have one cause; default 30.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_dependencies(
        self,
        *,
        service_id: str | None = None,
        incident_id: str | int | None = None,
        depth: int | None = None,
        impacted_only: bool = False,
    ) -> dict[str, Any]:
        """Upstream and downstream services (blast radius): what it depends on, what breaks with it,
        open incidents. Without an ID: business services, worst first.

        Args:
            service_id: Service, or ID of a business service.
            incident_id: The ID or number of the incident.
            depth: Levels, 1 to 5; default 2.
            impacted_only: Only those with open incidents.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_automations(
        self,
        *,
        incident_id: str | int | None = None,
        service_id: str | None = None,
        workflow_id: str | None = None,
        action_id: str | None = None,
        query: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Runbooks, scripts, workflows and automation actions to run for an incident or service;
        past runs.

        Args:
            incident_id: The ID or number of the incident.
            service_id: Service.
            workflow_id: Workflow, with its steps.
            action_id: Automation action, with its runs.
            query: A part of the name.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def wait_for(
        self,
        *,
        incident_id: str | int | None = None,
        until: list[str] | None = None,
        team_ids: list[str] | None = None,
        service_ids: list[str] | None = None,
        since: str | None = None,
        minutes: int | None = None,
    ) -> dict[str, Any]:
        """Watch an incident and tell me when it is acknowledged, resolved or changes; without one,
        the next new incident; some minutes.

        Args:
            incident_id: The ID or number of the incident.
            until: The end of the range, now by default.
            team_ids: For new_incident; default mine.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            minutes: At most 4.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def create_incident(
        self,
        *,
        title: str,
        service_id: str,
        details: str | None = None,
        urgency: str | None = None,
        priority: str | None = None,
        assignee_ids: list[str] | None = None,
        policy_id: str | None = None,
        incident_type: str | None = None,
        incident_key: str | None = None,
        conference_url: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Page a team or person: declare (open) a new incident, sev1. Only when the user asks.

        Args:
            title: The problem, in a few words.
            service_id: Service; pages its on-call.
            details: More about it.
            urgency: Default: of the service.
            priority: Name, like P1.
            assignee_ids: Page these users instead.
            policy_id: Page by this policy instead.
            incident_type: Name of the type.
            incident_key: Only one open incident per key.
            conference_url: Of the call.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def update_incidents(
        self,
        *,
        incident_ids: list[str],
        status: str | None = None,
        resolution: str | None = None,
        title: str | None = None,
        urgency: str | None = None,
        priority: str | None = None,
        assignee_ids: list[str] | None = None,
        policy_id: str | None = None,
        escalation_level: int | None = None,
        incident_type: str | None = None,
        fields: list[str] | None = None,
        conference_url: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Ack, resolve (close), reopen, reassign or escalate one or many incidents; change priority
        (P1), urgency, title, fields. Only when the user asks.

        Args:
            incident_ids: IDs or numbers.
            status: Reopens if triggered.
            resolution: How it was resolved.
            title: New title.
            urgency: New urgency.
            priority: Name, like P1.
            assignee_ids: Users to assign; they are paged.
            policy_id: Assign by this policy; pages its on-call.
            escalation_level: Escalate to this level; pages it.
            incident_type: Name of the type.
            fields: Custom fields: name=value.
            conference_url: Of the call.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def snooze_incident(
        self,
        *,
        incident_id: str | int,
        until: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Mute (snooze) an acknowledged page until later; then it pages again.

        Args:
            incident_id: The ID or number of the incident.
            until: The end of the range, now by default.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def merge_incidents(
        self,
        *,
        incident_id: str | int,
        source_ids: list[str],
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Merge (combine) duplicate incidents, duplicates, into one. Cannot be undone.

        Args:
            incident_id: The ID or number of the incident.
            source_ids: Incidents that end in it.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def update_alerts(
        self,
        *,
        incident_id: str | int,
        alert_ids: list[str],
        status: str | None = None,
        move_to_id: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Resolve or reopen a single alert, or move it to another incident.

        Args:
            incident_id: The ID or number of the incident.
            alert_ids: From get_alerts.
            status: New status.
            move_to_id: Incident that gets them.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def edit_incident_note(
        self,
        *,
        incident_id: str | int,
        note_id: str,
        content: str | None = None,
        delete: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Fix or delete my comment (note).

        Args:
            incident_id: The ID or number of the incident.
            note_id: From get_incidents with include_notes.
            content: The text of the note.
            delete: Delete it instead.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def request_responders(
        self,
        *,
        incident_id: str | int,
        user_ids: list[str] | None = None,
        policy_ids: list[str] | None = None,
        message: str | None = None,
        cancel: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Add responders: page more people or a policy's on-call to join and help; or withdraw
        that.

        Args:
            incident_id: The ID or number of the incident.
            user_ids: Users to page.
            policy_ids: Policies whose on-call to page.
            message: The reason, sent with the page.
            cancel: Withdraw pending requests instead.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def run_automation(
        self,
        *,
        incident_id: str | int,
        workflow_id: str | None = None,
        action_id: str | None = None,
        alert_id: str | None = None,
        wait_minutes: int | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Run a runbook, script, workflow or automation action, like a restart. Only when the user
        asks.

        Args:
            incident_id: The ID or number of the incident.
            workflow_id: Workflow to start.
            action_id: Automation action to run.
            alert_id: Alert, for an action.
            wait_minutes: For the result, 1 to 4.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def set_maintenance(
        self,
        *,
        service_ids: list[str] | None = None,
        start: str | None = None,
        until: str | None = None,
        description: str | None = None,
        window_id: str | None = None,
        end_now: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Silence alerts of services: open, change or end a maintenance window (planned downtime,
        deploy).

        Args:
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            start: ISO 8601, local time without an offset; default now.
            until: The end of the range, now by default.
            description: Reason.
            window_id: Window to change or end.
            end_now: End it now, or remove it if it has not begun.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def undo(
        self,
        *,
        receipt: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Revert (undo, roll back) a change just made, by its receipt.

        Args:
            receipt: From the answer of the change.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def send_status_update(
        self,
        *,
        incident_id: str | int,
        message: str,
        subject: str | None = None,
        template_id: str | None = None,
        subscriber_ids: list[str] | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Status update to stakeholders (subscribers) of an incident; sends messages.

        Args:
            incident_id: The ID or number of the incident.
            message: Short text.
            subject: Of the email.
            template_id: Name or ID.
            subscriber_ids: Users, teams to add.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_status_pages(
        self,
        *,
        status_page_id: str | None = None,
        post_id: str | None = None,
        post_type: str | None = None,
        reviewed_status: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Status pages, public or private: what they say, posts, statuses, severities, services.

        Args:
            status_page_id: Name or ID.
            post_id: One post.
            post_type: Posts.
            reviewed_status: Posts.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def post_status_page(
        self,
        *,
        status_page_id: str,
        post_id: str | None = None,
        title: str | None = None,
        message: str,
        status: str | None = None,
        severity: str | None = None,
        services: list[str] | None = None,
        starts_at: str | None = None,
        ends_at: str | None = None,
        notify: bool = False,
        next_update_minutes: int | None = None,
        postmortem: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Tell customers about an outage or maintenance: publish or update a status page post.

        Args:
            status_page_id: Name or ID.
            post_id: To update.
            title: New post.
            message: Text or HTML.
            status: Name.
            severity: Name.
            services: Like Checkout=degraded.
            starts_at: Maintenance.
            ends_at: Maintenance.
            notify: Tell subscribers.
            next_update_minutes: Announced.
            postmortem: It is one.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def set_business_impact(
        self,
        *,
        incident_id: str | int,
        business_service_id: str,
        impacted: bool,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Mark a business service (product) as affected by an incident.

        Args:
            incident_id: The ID or number of the incident.
            business_service_id: Name or ID.
            impacted: Or not.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def find_api(
        self,
        *,
        query: str,
    ) -> dict[str, Any]:
        """Search all 465 operations of PagerDuty's REST API by purpose, with parameters and an
        example body.

        Args:
            query: A part of the name.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def get_api(
        self,
        *,
        path: str,
        query: list[str] | None = None,
        fields: list[str] | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Read (GET) any path of PagerDuty's REST API. find_api finds the path.

        Args:
            path: Like /teams/PABC123/members.
            query: A part of the name.
            fields: Only these fields.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    async def call_api(
        self,
        *,
        method: str | None = None,
        path: str,
        query: list[str] | None = None,
        body: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Change anything by PagerDuty's REST API. Only when the user asks for it. find_api has the
        path and an example body.

        Args:
            method: GET only where it makes PagerDuty act.
            path: Like /teams/PABC123/members.
            query: A part of the name.
            body: JSON.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def iter_incidents(
        self,
        *,
        current_user_context: bool = True,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[Incident]:
        """Iterates over the rows that `get_incidents` lists.

        Args:
            current_user_context: Whether to list the incidents of the current user's teams and
                of their services. Pass `False` with `service_ids` or `team_ids` for others.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to incidents of these teams. Requires
                `current_user_context=False`.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is one month before `until`.
            until: The end of the range, now by default. It may be at most 180 days after
                `since`.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        escalation_policy_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        earliest: bool = False,
        include: list[str] | None = None,
    ) -> AsyncGenerator[Oncall]:
        """Iterates over the rows that `get_oncalls` lists.

        Args:
            current_user_context: Whether to list the policies of the current user and of the
                user's teams. Pass `False` with a filter for others.
            schedule_ids: Restricts the list to turns on these schedules.
            user_ids: Restricts the list to turns of these users. Requires
                `current_user_context=False`.
            escalation_policy_ids: Restricts the list to turns on these escalation policies.
                Requires `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default. It may be at most 90 days ahead.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            earliest: Whether to return only the next turn of each policy, level and user.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_schedules(
        self,
        *,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[Schedule]:
        """Iterates over the rows that `get_schedules` lists.

        Args:
            query: A part of the name.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_escalation_policies(
        self,
        *,
        current_user_context: bool = True,
        query: str | None = None,
        user_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[EscalationPolicy]:
        """Iterates over the rows that `get_escalation_policies` lists.

        Args:
            current_user_context: Whether to list the policies of the current user's teams that
                page the user. Pass `False` with `user_ids`, `team_ids` or `query` for others.
            query: A part of the name. Without users and teams, all policies are searched.
            user_ids: Restricts the list to policies that page these users. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to policies of these teams. Requires
                `current_user_context=False`.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_services(
        self,
        *,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[Service]:
        """Iterates over the rows that `get_services` lists.

        Args:
            current_user_context: Whether to list the services of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to services of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all services are searched.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_teams(
        self,
        *,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[Team]:
        """Iterates over the rows that `get_teams` lists.

        Args:
            query: A part of the name.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_users(
        self,
        *,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[User]:
        """Iterates over the rows that `get_users` lists.

        Args:
            current_user_context: Whether to list the members of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to members of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all users are searched.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_find(
        self,
        *,
        text: list[str] | None = None,
        kinds: list[str] | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `find` lists.

        Args:
            text: Names, email addresses, web URLs, IDs, incident numbers or integration keys.
            kinds: Restricts the search to these kinds: `services`, `teams`, `users`,
                `schedules`, `escalation_policies` or `incidents`. The default is all.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_search_incidents(
        self,
        *,
        text: str | None = None,
        exclude: list[str] | None = None,
        scope: str | None = None,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        priorities: list[str] | None = None,
        incident_key: str | None = None,
        since: str | None = None,
        until: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `search_incidents` lists.

        Args:
            text: All these words in the title.
            exclude: Leave out: words of a title, or a service.
            scope: Of my teams is mine, assigned is to me.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Teams.
            user_ids: Assigned users; resolved incidents have none.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            priorities: Like P1.
            incident_key: Key of the alert or event.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            sort_by: Order.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_alerts(
        self,
        *,
        statuses: list[str] | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_alerts` lists.

        Args:
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_timeline(
        self,
        *,
        team_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        overview: bool = False,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_timeline` lists.

        Args:
            team_ids: Account: default mine.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            overview: Without notifications.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_changes(
        self,
        *,
        team_ids: list[str] | None = None,
        integration_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_changes` lists.

        Args:
            team_ids: Or of teams; default mine.
            integration_ids: Reported by these.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_similar_incidents(
        self,
        *,
        kinds: list[str] | None = None,
        since: str | None = None,
        resolutions: bool = True,
        limit: int | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_similar_incidents` lists.

        Args:
            kinds: Default all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            resolutions: Read how they ended.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_who_can_help(
        self,
        *,
        awake_only: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `who_can_help` lists.

        Args:
            awake_only: Only where it is day.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_automations(
        self,
        *,
        query: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_automations` lists.

        Args:
            query: A part of the name.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_status_pages(
        self,
        *,
        post_type: str | None = None,
        reviewed_status: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_status_pages` lists.

        Args:
            post_type: Posts.
            reviewed_status: Posts.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_api(
        self,
        *,
        path: str,
        query: list[str] | None = None,
        fields: list[str] | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterates over the rows that `get_api` lists.

        Args:
            path: Like /teams/PABC123/members.
            query: A part of the name.
            fields: Only these fields.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

class SyncTools:
    """A method for each tool, and an iterator for each list."""

    def build_user_context(self) -> UserContext:
        """Returns the current user.

        The answer has the ID, name and email address of the user, and the IDs of the user's teams,
        services and escalation policies.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_incidents(
        self,
        *,
        incident_id: str | int | None = None,
        current_user_context: bool = True,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include_past_incidents: bool = False,
        include_related_incidents: bool = False,
        include_notes: bool = False,
        include: list[str] | None = None,
    ) -> IncidentList:
        """Returns incidents, newest first, or one incident.

        Without filters the list has the incidents of the current user's teams. A single incident,
        by its ID or number, also has the details of its alert.

        Args:
            incident_id: The ID or number of a single incident to return. It excludes the
                filters of lists.
            current_user_context: Whether to list the incidents of the current user's teams and
                of their services. Pass `False` with `service_ids` or `team_ids` for others.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to incidents of these teams. Requires
                `current_user_context=False`.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is one month before `until`.
            until: The end of the range, now by default. It may be at most 180 days after
                `since`.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include_past_incidents: Whether to add similar incidents of the past. Requires
                `incident_id`.
            include_related_incidents: Whether to add related incidents on other services.
                Requires `incident_id`.
            include_notes: Whether to add the notes of the responders. Requires `incident_id`.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def acknowledge_incident(
        self,
        *,
        incident_id: str | int,
        include: list[str] | None = None,
    ) -> IncidentList:
        """Acknowledges an incident.

        The current user takes responsibility for it, and paging and escalation stop.

        Args:
            incident_id: The ID or number of the incident.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def resolve_incident(
        self,
        *,
        incident_id: str | int,
        include: list[str] | None = None,
    ) -> IncidentList:
        """Resolves an incident.

        A resolved incident is closed, and no method of this package can reopen it.

        Args:
            incident_id: The ID or number of the incident.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def add_incident_note(
        self,
        *,
        incident_id: str | int,
        content: str,
    ) -> NoteList:
        """Adds a note to an incident.

        All responders of the incident can read the note.

        Args:
            incident_id: The ID or number of the incident.
            content: The text of the note.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        escalation_policy_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        earliest: bool = False,
        include: list[str] | None = None,
    ) -> OncallList:
        """Returns who is on call, now or in a time range.

        Without filters the list covers the escalation policies of the current user and of the
        user's teams. Level 1 is paged first. An entry without `start` and `end` is permanent.

        Args:
            current_user_context: Whether to list the policies of the current user and of the
                user's teams. Pass `False` with a filter for others.
            schedule_ids: Restricts the list to turns on these schedules.
            user_ids: Restricts the list to turns of these users. Requires
                `current_user_context=False`.
            escalation_policy_ids: Restricts the list to turns on these escalation policies.
                Requires `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default. It may be at most 90 days ahead.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            earliest: Whether to return only the next turn of each policy, level and user.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_schedules(
        self,
        *,
        schedule_id: str | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        since: str | None = None,
        until: str | None = None,
        include: list[str] | None = None,
    ) -> ScheduleList:
        """Returns on-call schedules, or one schedule.

        With `since` or `until`, a single schedule also has its final turns and its overrides.

        Args:
            schedule_id: The ID of a single schedule to return. It excludes the filters of
                lists.
            query: A part of the name.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            since: The start of the range of a single schedule in ISO 8601, in UTC unless it has
                an offset.
            until: The end of the range of a single schedule, two weeks after `since` by
                default.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def list_users_oncall(
        self,
        *,
        schedule_id: str,
        since: str | None = None,
        until: str | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> UserList:
        """Returns the users who are on call on one schedule, now or in a time range.

        Each user has an email address. Phone numbers need `include=["contact_methods"]`.

        Args:
            schedule_id: The ID of the schedule.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_escalation_policies(
        self,
        *,
        policy_id: str | None = None,
        current_user_context: bool = True,
        query: str | None = None,
        user_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> EscalationPolicyList:
        """Returns escalation policies, or one policy.

        A policy says who is paged in which order, and when a page escalates. Without filters the
        list has the policies of the current user's teams that page the user.

        Args:
            policy_id: The ID of a single policy to return. It excludes the filters of lists.
            current_user_context: Whether to list the policies of the current user's teams that
                page the user. Pass `False` with `user_ids`, `team_ids` or `query` for others.
            query: A part of the name. Without users and teams, all policies are searched.
            user_ids: Restricts the list to policies that page these users. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to policies of these teams. Requires
                `current_user_context=False`.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_services(
        self,
        *,
        service_id: str | None = None,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> ServiceList:
        """Returns services, or one service.

        Incidents belong to services. Without filters the list has the services of the current
        user's teams.

        Args:
            service_id: The ID of a single service to return. It excludes the filters of lists.
            current_user_context: Whether to list the services of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to services of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all services are searched.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_teams(
        self,
        *,
        team_id: str | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> TeamList:
        """Returns teams by name, or one team.

        Args:
            team_id: The ID of a single team to return. It excludes the filters of lists.
            query: A part of the name.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_users(
        self,
        *,
        user_id: str | None = None,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> UserList:
        """Returns users, or one user.

        Without filters the list has the members of the current user's teams.

        Args:
            user_id: The ID of a single user to return. It excludes the filters of lists.
            current_user_context: Whether to list the members of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to members of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all users are searched.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def find(
        self,
        *,
        text: list[str] | None = None,
        kinds: list[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> dict[str, Any]:
        """Returns the objects that texts stand for, of any kind.

        Each row has the kind, the ID and the name. Without a text, all objects of one kind are
        returned.

        Args:
            text: Names, email addresses, web URLs, IDs, incident numbers or integration keys.
            kinds: Restricts the search to these kinds: `services`, `teams`, `users`,
                `schedules`, `escalation_policies` or `incidents`. The default is all.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def whos_oncall(
        self,
        *,
        service_id: str | None = None,
        team_id: str | None = None,
        policy_id: str | None = None,
        schedule_id: str | None = None,
        at: str | None = None,
        contact: bool = False,
    ) -> dict[str, Any]:
        """Show who is on call (has the pager) for a service, team, policy or schedule, now or
        later: each level, until when, who is next.

        Args:
            service_id: One of these four; none: my policies.
            team_id: Team.
            policy_id: Escalation policy.
            schedule_id: The ID of the schedule.
            at: ISO 8601, local without an offset; default now.
            contact: Add phone numbers and emails.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_shifts(
        self,
        *,
        user_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        schedule_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
        format: str | None = None,
    ) -> dict[str, Any]:
        """When am I on call: my shifts or others', past or next, clashes; calendar export.

        Args:
            user_ids: Default me.
            team_ids: Default all.
            schedule_ids: Restricts the list to turns on these schedules.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            time_zone: IANA name; default mine.
            format: Default json.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def check_coverage(
        self,
        *,
        team_ids: list[str] | None = None,
        policy_ids: list[str] | None = None,
        schedule_ids: list[str] | None = None,
        service_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
    ) -> dict[str, Any]:
        """Is every shift covered: gaps in on-call rotas, empty levels, people on two levels, or who
        cannot be paged, clashes.

        Args:
            team_ids: Any of these four; none: my policies.
            policy_ids: Escalation policies.
            schedule_ids: Restricts the list to turns on these schedules.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            time_zone: IANA name; default mine.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_handoff(
        self,
        *,
        team_ids: list[str] | None = None,
        schedule_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
    ) -> dict[str, Any]:
        """Shift handover (handoff) summary for the next person: who takes over when, what is open
        with its last note, what happened, what returns from snooze.

        Args:
            team_ids: Default mine.
            schedule_ids: Restricts the list to turns on these schedules.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            time_zone: IANA name; default mine.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def override_oncall(
        self,
        *,
        schedule_id: str,
        start: str | None = None,
        end: str | None = None,
        user_id: str | None = None,
        replaces_id: str | None = None,
        shifts: list[str] | None = None,
        override_id: str | None = None,
        extra: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Take, cover or swap a shift: override who is on call. Shows before and after. Only when
        the user asks.

        Args:
            schedule_id: The ID of the schedule.
            start: ISO 8601 or now; without an offset in the schedule's time zone.
            end: Like start.
            user_id: User who takes it.
            replaces_id: User to replace, if several are on call.
            shifts: Many at once instead of start, end, user_id; each '2026-12-24 08:00 /
                2026-12-25 08:00: ada@example.com'.
            override_id: Change this override (kind shifts only).
            extra: Add a shift beside the others (kind shifts only).
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def cancel_override(
        self,
        *,
        schedule_id: str,
        override_id: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Remove an override (cover); the rotation holds again. Only when the user asks.

        Args:
            schedule_id: The ID of the schedule.
            override_id: Override or custom shift.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_incident_brief(
        self,
        *,
        incident_id: str | int,
        parts: list[str] | None = None,
        since: str | None = None,
        max_tokens: int | None = None,
    ) -> dict[str, Any]:
        """Everything about one incident in one answer (what is going on): alerts, changes, who is
        on it, timeline, notes, similar incidents, impact, runbooks. Start here.

        Args:
            incident_id: The ID or number of the incident.
            parts: Default all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            max_tokens: From 500 to 20000, default 3000.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def explain_page(
        self,
        *,
        incident_id: str | int,
        user_id: str | None = None,
    ) -> dict[str, Any]:
        """Why was I paged (woken up), and what happens next: who gets paged without an answer.

        Args:
            incident_id: The ID or number of the incident.
            user_id: Default me.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def search_incidents(
        self,
        *,
        text: str | None = None,
        exclude: list[str] | None = None,
        scope: str | None = None,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        priorities: list[str] | None = None,
        incident_key: str | None = None,
        since: str | None = None,
        until: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Find or list incidents (pages, outages) in the whole account, also by words in the title.

        Args:
            text: All these words in the title.
            exclude: Leave out: words of a title, or a service.
            scope: Of my teams is mine, assigned is to me.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Teams.
            user_ids: Assigned users; resolved incidents have none.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            priorities: Like P1.
            incident_key: Key of the alert or event.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            sort_by: Order.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_alerts(
        self,
        *,
        incident_id: str | int,
        alert_id: str | None = None,
        statuses: list[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Alerts (alarms) of an incident: raw payload of the monitor as facts (include +body: all
        of it), graph links, repeats.

        Args:
            incident_id: The ID or number of the incident.
            alert_id: Only this one.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_timeline(
        self,
        *,
        incident_id: str | int | None = None,
        entry_id: str | None = None,
        team_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        overview: bool = False,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Timeline or log of an incident or the account: who did what when, for a postmortem.

        Args:
            incident_id: The ID or number of the incident.
            entry_id: One entry with its raw event.
            team_ids: Account: default mine.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            overview: Without notifications.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_changes(
        self,
        *,
        incident_id: str | int | None = None,
        service_id: str | None = None,
        change_id: str | None = None,
        team_ids: list[str] | None = None,
        integration_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Recent deploys, releases and config changes of an incident, service or team: what
        changed.

        Args:
            incident_id: The ID or number of the incident.
            service_id: Or those of a service.
            change_id: Or one.
            team_ids: Or of teams; default mine.
            integration_ids: Reported by these.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            limit: The maximum number of rows, 100 by default.
            offset: The `next_offset` of the previous answer. Start again at 0 after changes to
                the rows.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_similar_incidents(
        self,
        *,
        incident_id: str | int,
        kinds: list[str] | None = None,
        since: str | None = None,
        resolutions: bool = True,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Has this happened before and how was it fixed last time: past incidents like it, related
        ones now, how rare.

        Args:
            incident_id: The ID or number of the incident.
            kinds: Default all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            resolutions: Read how they ended.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def who_can_help(
        self,
        *,
        incident_id: str | int,
        awake_only: bool = False,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Experts to ask about an incident, best first: who knows the service, is awake, on call,
        fixed it before, made the change.

        Args:
            incident_id: The ID or number of the incident.
            awake_only: Only where it is day.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_storm(
        self,
        *,
        team_ids: list[str] | None = None,
        service_ids: list[str] | None = None,
        since: str | None = None,
        window_minutes: int | None = None,
    ) -> dict[str, Any]:
        """Too many pages (alert storm, flood): groups open incidents by common cause, proposes
        merges.

        Args:
            team_ids: Default: my teams and their services.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            window_minutes: Starts this close may have one cause; default 30.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_dependencies(
        self,
        *,
        service_id: str | None = None,
        incident_id: str | int | None = None,
        depth: int | None = None,
        impacted_only: bool = False,
    ) -> dict[str, Any]:
        """Upstream and downstream services (blast radius): what it depends on, what breaks with it,
        open incidents. Without an ID: business services, worst first.

        Args:
            service_id: Service, or ID of a business service.
            incident_id: The ID or number of the incident.
            depth: Levels, 1 to 5; default 2.
            impacted_only: Only those with open incidents.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_automations(
        self,
        *,
        incident_id: str | int | None = None,
        service_id: str | None = None,
        workflow_id: str | None = None,
        action_id: str | None = None,
        query: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Runbooks, scripts, workflows and automation actions to run for an incident or service;
        past runs.

        Args:
            incident_id: The ID or number of the incident.
            service_id: Service.
            workflow_id: Workflow, with its steps.
            action_id: Automation action, with its runs.
            query: A part of the name.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def wait_for(
        self,
        *,
        incident_id: str | int | None = None,
        until: list[str] | None = None,
        team_ids: list[str] | None = None,
        service_ids: list[str] | None = None,
        since: str | None = None,
        minutes: int | None = None,
    ) -> dict[str, Any]:
        """Watch an incident and tell me when it is acknowledged, resolved or changes; without one,
        the next new incident; some minutes.

        Args:
            incident_id: The ID or number of the incident.
            until: The end of the range, now by default.
            team_ids: For new_incident; default mine.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            minutes: At most 4.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def create_incident(
        self,
        *,
        title: str,
        service_id: str,
        details: str | None = None,
        urgency: str | None = None,
        priority: str | None = None,
        assignee_ids: list[str] | None = None,
        policy_id: str | None = None,
        incident_type: str | None = None,
        incident_key: str | None = None,
        conference_url: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Page a team or person: declare (open) a new incident, sev1. Only when the user asks.

        Args:
            title: The problem, in a few words.
            service_id: Service; pages its on-call.
            details: More about it.
            urgency: Default: of the service.
            priority: Name, like P1.
            assignee_ids: Page these users instead.
            policy_id: Page by this policy instead.
            incident_type: Name of the type.
            incident_key: Only one open incident per key.
            conference_url: Of the call.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def update_incidents(
        self,
        *,
        incident_ids: list[str],
        status: str | None = None,
        resolution: str | None = None,
        title: str | None = None,
        urgency: str | None = None,
        priority: str | None = None,
        assignee_ids: list[str] | None = None,
        policy_id: str | None = None,
        escalation_level: int | None = None,
        incident_type: str | None = None,
        fields: list[str] | None = None,
        conference_url: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Ack, resolve (close), reopen, reassign or escalate one or many incidents; change priority
        (P1), urgency, title, fields. Only when the user asks.

        Args:
            incident_ids: IDs or numbers.
            status: Reopens if triggered.
            resolution: How it was resolved.
            title: New title.
            urgency: New urgency.
            priority: Name, like P1.
            assignee_ids: Users to assign; they are paged.
            policy_id: Assign by this policy; pages its on-call.
            escalation_level: Escalate to this level; pages it.
            incident_type: Name of the type.
            fields: Custom fields: name=value.
            conference_url: Of the call.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def snooze_incident(
        self,
        *,
        incident_id: str | int,
        until: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Mute (snooze) an acknowledged page until later; then it pages again.

        Args:
            incident_id: The ID or number of the incident.
            until: The end of the range, now by default.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def merge_incidents(
        self,
        *,
        incident_id: str | int,
        source_ids: list[str],
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Merge (combine) duplicate incidents, duplicates, into one. Cannot be undone.

        Args:
            incident_id: The ID or number of the incident.
            source_ids: Incidents that end in it.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def update_alerts(
        self,
        *,
        incident_id: str | int,
        alert_ids: list[str],
        status: str | None = None,
        move_to_id: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Resolve or reopen a single alert, or move it to another incident.

        Args:
            incident_id: The ID or number of the incident.
            alert_ids: From get_alerts.
            status: New status.
            move_to_id: Incident that gets them.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def edit_incident_note(
        self,
        *,
        incident_id: str | int,
        note_id: str,
        content: str | None = None,
        delete: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Fix or delete my comment (note).

        Args:
            incident_id: The ID or number of the incident.
            note_id: From get_incidents with include_notes.
            content: The text of the note.
            delete: Delete it instead.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def request_responders(
        self,
        *,
        incident_id: str | int,
        user_ids: list[str] | None = None,
        policy_ids: list[str] | None = None,
        message: str | None = None,
        cancel: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Add responders: page more people or a policy's on-call to join and help; or withdraw
        that.

        Args:
            incident_id: The ID or number of the incident.
            user_ids: Users to page.
            policy_ids: Policies whose on-call to page.
            message: The reason, sent with the page.
            cancel: Withdraw pending requests instead.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def run_automation(
        self,
        *,
        incident_id: str | int,
        workflow_id: str | None = None,
        action_id: str | None = None,
        alert_id: str | None = None,
        wait_minutes: int | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Run a runbook, script, workflow or automation action, like a restart. Only when the user
        asks.

        Args:
            incident_id: The ID or number of the incident.
            workflow_id: Workflow to start.
            action_id: Automation action to run.
            alert_id: Alert, for an action.
            wait_minutes: For the result, 1 to 4.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def set_maintenance(
        self,
        *,
        service_ids: list[str] | None = None,
        start: str | None = None,
        until: str | None = None,
        description: str | None = None,
        window_id: str | None = None,
        end_now: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Silence alerts of services: open, change or end a maintenance window (planned downtime,
        deploy).

        Args:
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            start: ISO 8601, local time without an offset; default now.
            until: The end of the range, now by default.
            description: Reason.
            window_id: Window to change or end.
            end_now: End it now, or remove it if it has not begun.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def undo(
        self,
        *,
        receipt: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Revert (undo, roll back) a change just made, by its receipt.

        Args:
            receipt: From the answer of the change.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def send_status_update(
        self,
        *,
        incident_id: str | int,
        message: str,
        subject: str | None = None,
        template_id: str | None = None,
        subscriber_ids: list[str] | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Status update to stakeholders (subscribers) of an incident; sends messages.

        Args:
            incident_id: The ID or number of the incident.
            message: Short text.
            subject: Of the email.
            template_id: Name or ID.
            subscriber_ids: Users, teams to add.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_status_pages(
        self,
        *,
        status_page_id: str | None = None,
        post_id: str | None = None,
        post_type: str | None = None,
        reviewed_status: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Status pages, public or private: what they say, posts, statuses, severities, services.

        Args:
            status_page_id: Name or ID.
            post_id: One post.
            post_type: Posts.
            reviewed_status: Posts.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def post_status_page(
        self,
        *,
        status_page_id: str,
        post_id: str | None = None,
        title: str | None = None,
        message: str,
        status: str | None = None,
        severity: str | None = None,
        services: list[str] | None = None,
        starts_at: str | None = None,
        ends_at: str | None = None,
        notify: bool = False,
        next_update_minutes: int | None = None,
        postmortem: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Tell customers about an outage or maintenance: publish or update a status page post.

        Args:
            status_page_id: Name or ID.
            post_id: To update.
            title: New post.
            message: Text or HTML.
            status: Name.
            severity: Name.
            services: Like Checkout=degraded.
            starts_at: Maintenance.
            ends_at: Maintenance.
            notify: Tell subscribers.
            next_update_minutes: Announced.
            postmortem: It is one.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def set_business_impact(
        self,
        *,
        incident_id: str | int,
        business_service_id: str,
        impacted: bool,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Mark a business service (product) as affected by an incident.

        Args:
            incident_id: The ID or number of the incident.
            business_service_id: Name or ID.
            impacted: Or not.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def find_api(
        self,
        *,
        query: str,
    ) -> dict[str, Any]:
        """Search all 465 operations of PagerDuty's REST API by purpose, with parameters and an
        example body.

        Args:
            query: A part of the name.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def get_api(
        self,
        *,
        path: str,
        query: list[str] | None = None,
        fields: list[str] | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Read (GET) any path of PagerDuty's REST API. find_api finds the path.

        Args:
            path: Like /teams/PABC123/members.
            query: A part of the name.
            fields: Only these fields.
            limit: The maximum number of rows, 100 by default.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def call_api(
        self,
        *,
        method: str | None = None,
        path: str,
        query: list[str] | None = None,
        body: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Change anything by PagerDuty's REST API. Only when the user asks for it. find_api has the
        path and an example body.

        Args:
            method: GET only where it makes PagerDuty act.
            path: Like /teams/PABC123/members.
            query: A part of the name.
            body: JSON.
            dry_run: Only show what would change.

        Returns:
            The answer as an MCP client receives it, without a limit on its size.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """

    def iter_incidents(
        self,
        *,
        current_user_context: bool = True,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[Incident]:
        """Iterates over the rows that `get_incidents` lists.

        Args:
            current_user_context: Whether to list the incidents of the current user's teams and
                of their services. Pass `False` with `service_ids` or `team_ids` for others.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to incidents of these teams. Requires
                `current_user_context=False`.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is one month before `until`.
            until: The end of the range, now by default. It may be at most 180 days after
                `since`.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        escalation_policy_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        earliest: bool = False,
        include: list[str] | None = None,
    ) -> Generator[Oncall]:
        """Iterates over the rows that `get_oncalls` lists.

        Args:
            current_user_context: Whether to list the policies of the current user and of the
                user's teams. Pass `False` with a filter for others.
            schedule_ids: Restricts the list to turns on these schedules.
            user_ids: Restricts the list to turns of these users. Requires
                `current_user_context=False`.
            escalation_policy_ids: Restricts the list to turns on these escalation policies.
                Requires `current_user_context=False`.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default. It may be at most 90 days ahead.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            earliest: Whether to return only the next turn of each policy, level and user.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_schedules(
        self,
        *,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[Schedule]:
        """Iterates over the rows that `get_schedules` lists.

        Args:
            query: A part of the name.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_escalation_policies(
        self,
        *,
        current_user_context: bool = True,
        query: str | None = None,
        user_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[EscalationPolicy]:
        """Iterates over the rows that `get_escalation_policies` lists.

        Args:
            current_user_context: Whether to list the policies of the current user's teams that
                page the user. Pass `False` with `user_ids`, `team_ids` or `query` for others.
            query: A part of the name. Without users and teams, all policies are searched.
            user_ids: Restricts the list to policies that page these users. Requires
                `current_user_context=False`.
            team_ids: Restricts the list to policies of these teams. Requires
                `current_user_context=False`.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_services(
        self,
        *,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[Service]:
        """Iterates over the rows that `get_services` lists.

        Args:
            current_user_context: Whether to list the services of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to services of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all services are searched.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_teams(
        self,
        *,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[Team]:
        """Iterates over the rows that `get_teams` lists.

        Args:
            query: A part of the name.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_users(
        self,
        *,
        current_user_context: bool = True,
        team_ids: list[str] | None = None,
        query: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[User]:
        """Iterates over the rows that `get_users` lists.

        Args:
            current_user_context: Whether to list the members of the current user's teams. Pass
                `False` with `team_ids` or `query` for others.
            team_ids: Restricts the list to members of these teams. Requires
                `current_user_context=False`.
            query: A part of the name. Without teams, all users are searched.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_find(
        self,
        *,
        text: list[str] | None = None,
        kinds: list[str] | None = None,
        limit: int | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `find` lists.

        Args:
            text: Names, email addresses, web URLs, IDs, incident numbers or integration keys.
            kinds: Restricts the search to these kinds: `services`, `teams`, `users`,
                `schedules`, `escalation_policies` or `incidents`. The default is all.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_search_incidents(
        self,
        *,
        text: str | None = None,
        exclude: list[str] | None = None,
        scope: str | None = None,
        service_ids: list[str] | None = None,
        team_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        statuses: list[str] | None = None,
        urgencies: list[str] | None = None,
        priorities: list[str] | None = None,
        incident_key: str | None = None,
        since: str | None = None,
        until: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `search_incidents` lists.

        Args:
            text: All these words in the title.
            exclude: Leave out: words of a title, or a service.
            scope: Of my teams is mine, assigned is to me.
            service_ids: Restricts the list to incidents of these services. Requires
                `current_user_context=False`.
            team_ids: Teams.
            user_ids: Assigned users; resolved incidents have none.
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            urgencies: Restricts the list to incidents with these urgencies: `high` or `low`.
                The default is all.
            priorities: Like P1.
            incident_key: Key of the alert or event.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            sort_by: Order.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_alerts(
        self,
        *,
        statuses: list[str] | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_alerts` lists.

        Args:
            statuses: Restricts the list to incidents with these statuses: `triggered`,
                `acknowledged` or `resolved`. The default is all.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_timeline(
        self,
        *,
        team_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        overview: bool = False,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_timeline` lists.

        Args:
            team_ids: Account: default mine.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            overview: Without notifications.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_changes(
        self,
        *,
        team_ids: list[str] | None = None,
        integration_ids: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        include: list[str] | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_changes` lists.

        Args:
            team_ids: Or of teams; default mine.
            integration_ids: Reported by these.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            until: The end of the range, now by default.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.
            include: The fields to return instead of the default ones. A name with a `+` in
                front adds a field to the default ones.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_similar_incidents(
        self,
        *,
        kinds: list[str] | None = None,
        since: str | None = None,
        resolutions: bool = True,
        limit: int | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_similar_incidents` lists.

        Args:
            kinds: Default all.
            since: The start of the range in ISO 8601, in UTC unless it has an offset. The
                default is now.
            resolutions: Read how they ended.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_who_can_help(
        self,
        *,
        awake_only: bool = False,
        limit: int | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `who_can_help` lists.

        Args:
            awake_only: Only where it is day.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_automations(
        self,
        *,
        query: str | None = None,
        limit: int | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_automations` lists.

        Args:
            query: A part of the name.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_status_pages(
        self,
        *,
        post_type: str | None = None,
        reviewed_status: str | None = None,
        limit: int | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_status_pages` lists.

        Args:
            post_type: Posts.
            reviewed_status: Posts.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """

    def iter_api(
        self,
        *,
        path: str,
        query: list[str] | None = None,
        fields: list[str] | None = None,
        limit: int | None = None,
    ) -> Generator[dict[str, Any]]:
        """Iterates over the rows that `get_api` lists.

        Args:
            path: Like /teams/PABC123/members.
            query: A part of the name.
            fields: Only these fields.
            limit: The maximum number of rows. The default is all, up to the 10,000 at which
                PagerDuty ends every list.

        Yields:
            Each row of the list. A page is fetched when the loop reaches it.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
