"""The tools as methods, with their parameters as keywords.

Generated from the catalogue: `UPDATE_DOCS=1 cargo test docs` writes it anew.
"""

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from typing import Any
else:
    from ._annotations import Any, AsyncGenerator, Generator


class AsyncTools:
    """One method for each tool and one for each list; those of tools are coroutines."""

    async def _ask(self, name: str, arguments: "dict[str, Any]") -> "dict[str, Any]":
        raise NotImplementedError

    def _stream(
        self, name: str, arguments: "dict[str, Any]"
    ) -> "AsyncGenerator[dict[str, Any], None]":
        raise NotImplementedError

    async def build_user_context(self) -> "dict[str, Any]":
        """Who am I: my user ID, name, email, and the IDs of my teams, services and
        escalation policies.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {}
        return await self._ask("build_user_context", arguments)

    async def get_incidents(
        self,
        *,
        incident_id: "str | int | None" = None,
        current_user_context: bool = True,
        service_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        statuses: "list[str] | None" = None,
        urgencies: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include_past_incidents: bool = False,
        include_related_incidents: bool = False,
        include_notes: bool = False,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find incidents (outages, alerts people are paged for), newest first:
        those of my teams, of given services or teams, or one by ID or number with its
        alert's details. Statuses: triggered (nobody on it), acknowledged, resolved.

        Args:
            incident_id: One by ID or number, without other filters.
            current_user_context: true: of my teams and their services; false:
                pass service_ids or team_ids.
            service_ids: Service IDs, with current_user_context=false.
            team_ids: Team IDs, with current_user_context=false.
            statuses: Default: all.
            urgencies: Default: all.
            since: ISO 8601, UTC unless it has an offset; default a month before
                until.
            until: Default now; at most 180 days after since.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            include_past_incidents: Add similar incidents of the past; needs
                incident_id.
            include_related_incidents: Add related incidents on other services;
                needs incident_id.
            include_notes: Add the responders' notes; needs incident_id.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "current_user_context": current_user_context,
            "service_ids": service_ids,
            "team_ids": team_ids,
            "statuses": statuses,
            "urgencies": urgencies,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
            "include_past_incidents": include_past_incidents,
            "include_related_incidents": include_related_incidents,
            "include_notes": include_notes,
            "include": include,
        }
        return await self._ask("get_incidents", arguments)

    async def acknowledge_incident(
        self,
        *,
        incident_id: "str | int",
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Acknowledge (ack) an incident: the user takes it, paging and escalation
        stop. Only when the user asks.

        Args:
            incident_id: ID or number.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "include": include,
        }
        return await self._ask("acknowledge_incident", arguments)

    async def resolve_incident(
        self,
        *,
        incident_id: "str | int",
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Resolve (close) an incident: the problem is over. Cannot be undone here.
        Only when the user asks.

        Args:
            incident_id: ID or number.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "include": include,
        }
        return await self._ask("resolve_incident", arguments)

    async def add_incident_note(
        self,
        *,
        incident_id: "str | int",
        content: "str",
    ) -> "dict[str, Any]":
        """Add a note (comment) to an incident, for all its responders to read.

        Args:
            incident_id: ID or number.
            content: Text of the note.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "content": content,
        }
        return await self._ask("add_incident_note", arguments)

    async def get_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: "list[str] | None" = None,
        user_ids: "list[str] | None" = None,
        escalation_policy_ids: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        earliest: bool = False,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Who is on call, now or in a time range: for the escalation policies of me
        and my teams, or for given schedules, users or policies. Level 1 is paged first; no
        start and end means always.

        Args:
            current_user_context: true: policies of me and my teams; false: pass
                a filter.
            schedule_ids: Schedule IDs.
            user_ids: User IDs, with current_user_context=false.
            escalation_policy_ids: With current_user_context=false.
            since: ISO 8601, UTC unless it has an offset; default now.
            until: Default now; at most 90 days ahead.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            earliest: Only the next turn per policy, level and user.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "schedule_ids": schedule_ids,
            "user_ids": user_ids,
            "escalation_policy_ids": escalation_policy_ids,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
            "earliest": earliest,
            "include": include,
        }
        return await self._ask("get_oncalls", arguments)

    async def get_schedules(
        self,
        *,
        schedule_id: "str | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find on-call schedules (rotas) by name, or one by ID; with since/until
        the one comes with its final turns and overrides.

        Args:
            schedule_id: One by ID, without other filters.
            query: Part of the name.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            since: ISO 8601, UTC unless it has an offset; with schedule_id.
            until: With schedule_id; default 2 weeks after since.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "schedule_id": schedule_id,
            "query": query,
            "limit": limit,
            "offset": offset,
            "since": since,
            "until": until,
            "include": include,
        }
        return await self._ask("get_schedules", arguments)

    async def list_users_oncall(
        self,
        *,
        schedule_id: "str",
        since: "str | None" = None,
        until: "str | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """The users on call on one schedule, now or in a time range, with email;
        phones with include=contact_methods.

        Args:
            schedule_id: Schedule ID.
            since: ISO 8601, UTC unless it has an offset; default now.
            until: Default now.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "schedule_id": schedule_id,
            "since": since,
            "until": until,
            "offset": offset,
            "include": include,
        }
        return await self._ask("list_users_oncall", arguments)

    async def get_escalation_policies(
        self,
        *,
        policy_id: "str | None" = None,
        current_user_context: bool = True,
        query: "str | None" = None,
        user_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find escalation policies (who is paged in which order, how pages
        escalate): those of my teams that page me, of given users or teams, or one by ID.

        Args:
            policy_id: One by ID, without other filters.
            current_user_context: true: of my teams and paging me; false: pass
                user_ids, team_ids or query.
            query: Part of the name; without users and teams, of all.
            user_ids: IDs of users they page, with current_user_context=false.
            team_ids: With current_user_context=false.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "policy_id": policy_id,
            "current_user_context": current_user_context,
            "query": query,
            "user_ids": user_ids,
            "team_ids": team_ids,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return await self._ask("get_escalation_policies", arguments)

    async def get_services(
        self,
        *,
        service_id: "str | None" = None,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find services (what incidents happen to): those of my teams, of given
        teams, or one by ID.

        Args:
            service_id: One by ID, without other filters.
            current_user_context: true: of my teams; false: pass team_ids or
                query.
            team_ids: With current_user_context=false.
            query: Part of the name; without teams, of all.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "service_id": service_id,
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return await self._ask("get_services", arguments)

    async def get_teams(
        self,
        *,
        team_id: "str | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find teams by name, or one by ID.

        Args:
            team_id: One by ID, without other filters.
            query: Part of the name.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "team_id": team_id,
            "query": query,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return await self._ask("get_teams", arguments)

    async def get_users(
        self,
        *,
        user_id: "str | None" = None,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find people (engineers, responders): those of my teams, of given teams,
        or one by ID.

        Args:
            user_id: One by ID, without other filters.
            current_user_context: true: of my teams; false: pass team_ids or
                query.
            team_ids: With current_user_context=false.
            query: Part of the name; without teams, of all.
            limit: Max results, default 100.
            offset: next_offset of the previous answer; after changing rows
                start again at 0.
            include: Only these fields; +name adds to the default ones.

        Returns:
            The answer, as MCP clients get it, however large it is.

        Raises:
            PagerDutyError: The call failed; `code` says why.
        """
        arguments: dict[str, Any] = {
            "user_id": user_id,
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return await self._ask("get_users", arguments)

    def iter_incidents(
        self,
        *,
        current_user_context: bool = True,
        service_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        statuses: "list[str] | None" = None,
        urgencies: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_incidents` lists, one by one.

        Args:
            current_user_context: true: of my teams and their services; false:
                pass service_ids or team_ids.
            service_ids: Service IDs, with current_user_context=false.
            team_ids: Team IDs, with current_user_context=false.
            statuses: Default: all.
            urgencies: Default: all.
            since: ISO 8601, UTC unless it has an offset; default a month before
                until.
            until: Default now; at most 180 days after since.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "service_ids": service_ids,
            "team_ids": team_ids,
            "statuses": statuses,
            "urgencies": urgencies,
            "since": since,
            "until": until,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_incidents", arguments)

    def iter_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: "list[str] | None" = None,
        user_ids: "list[str] | None" = None,
        escalation_policy_ids: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        earliest: bool = False,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_oncalls` lists, one by one.

        Args:
            current_user_context: true: policies of me and my teams; false: pass
                a filter.
            schedule_ids: Schedule IDs.
            user_ids: User IDs, with current_user_context=false.
            escalation_policy_ids: With current_user_context=false.
            since: ISO 8601, UTC unless it has an offset; default now.
            until: Default now; at most 90 days ahead.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            earliest: Only the next turn per policy, level and user.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "schedule_ids": schedule_ids,
            "user_ids": user_ids,
            "escalation_policy_ids": escalation_policy_ids,
            "since": since,
            "until": until,
            "limit": limit,
            "earliest": earliest,
            "include": include,
        }
        return self._stream("get_oncalls", arguments)

    def iter_schedules(
        self,
        *,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_schedules` lists, one by one.

        Args:
            query: Part of the name.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_schedules", arguments)

    def iter_escalation_policies(
        self,
        *,
        current_user_context: bool = True,
        query: "str | None" = None,
        user_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_escalation_policies` lists, one by one.

        Args:
            current_user_context: true: of my teams and paging me; false: pass
                user_ids, team_ids or query.
            query: Part of the name; without users and teams, of all.
            user_ids: IDs of users they page, with current_user_context=false.
            team_ids: With current_user_context=false.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "query": query,
            "user_ids": user_ids,
            "team_ids": team_ids,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_escalation_policies", arguments)

    def iter_services(
        self,
        *,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_services` lists, one by one.

        Args:
            current_user_context: true: of my teams; false: pass team_ids or
                query.
            team_ids: With current_user_context=false.
            query: Part of the name; without teams, of all.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_services", arguments)

    def iter_teams(
        self,
        *,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_teams` lists, one by one.

        Args:
            query: Part of the name.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_teams", arguments)

    def iter_users(
        self,
        *,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "AsyncGenerator[dict[str, Any], None]":
        """All that `get_users` lists, one by one.

        Args:
            current_user_context: true: of my teams; false: pass team_ids or
                query.
            team_ids: With current_user_context=false.
            query: Part of the name; without teams, of all.
            limit: How many at most; default all, which PagerDuty ends at
                10,000.
            include: Only these fields; +name adds to the default ones.

        Yields:
            Each object of the list, fetched page by page as the loop goes on.

        Raises:
            PagerDutyError: A page could not be fetched; `code` says why.
        """
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_users", arguments)


class SyncTools:
    """One method for each tool and one for each list; those of tools block."""

    def _ask(self, name: str, arguments: "dict[str, Any]") -> "dict[str, Any]":
        raise NotImplementedError

    def _stream(
        self, name: str, arguments: "dict[str, Any]"
    ) -> "Generator[dict[str, Any], None, None]":
        raise NotImplementedError

    def build_user_context(self) -> "dict[str, Any]":
        """Who am I: my user ID, name, email, and the IDs of my teams, services and
        escalation policies."""
        arguments: dict[str, Any] = {}
        return self._ask("build_user_context", arguments)

    def get_incidents(
        self,
        *,
        incident_id: "str | int | None" = None,
        current_user_context: bool = True,
        service_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        statuses: "list[str] | None" = None,
        urgencies: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include_past_incidents: bool = False,
        include_related_incidents: bool = False,
        include_notes: bool = False,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find incidents (outages, alerts people are paged for), newest first:
        those of my teams, of given services or teams, or one by ID or number with its
        alert's details. Statuses: triggered (nobody on it), acknowledged, resolved."""
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "current_user_context": current_user_context,
            "service_ids": service_ids,
            "team_ids": team_ids,
            "statuses": statuses,
            "urgencies": urgencies,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
            "include_past_incidents": include_past_incidents,
            "include_related_incidents": include_related_incidents,
            "include_notes": include_notes,
            "include": include,
        }
        return self._ask("get_incidents", arguments)

    def acknowledge_incident(
        self,
        *,
        incident_id: "str | int",
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Acknowledge (ack) an incident: the user takes it, paging and escalation
        stop. Only when the user asks."""
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "include": include,
        }
        return self._ask("acknowledge_incident", arguments)

    def resolve_incident(
        self,
        *,
        incident_id: "str | int",
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Resolve (close) an incident: the problem is over. Cannot be undone here.
        Only when the user asks."""
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "include": include,
        }
        return self._ask("resolve_incident", arguments)

    def add_incident_note(
        self,
        *,
        incident_id: "str | int",
        content: "str",
    ) -> "dict[str, Any]":
        """Add a note (comment) to an incident, for all its responders to read."""
        arguments: dict[str, Any] = {
            "incident_id": incident_id,
            "content": content,
        }
        return self._ask("add_incident_note", arguments)

    def get_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: "list[str] | None" = None,
        user_ids: "list[str] | None" = None,
        escalation_policy_ids: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        earliest: bool = False,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Who is on call, now or in a time range: for the escalation policies of me
        and my teams, or for given schedules, users or policies. Level 1 is paged first; no
        start and end means always."""
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "schedule_ids": schedule_ids,
            "user_ids": user_ids,
            "escalation_policy_ids": escalation_policy_ids,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
            "earliest": earliest,
            "include": include,
        }
        return self._ask("get_oncalls", arguments)

    def get_schedules(
        self,
        *,
        schedule_id: "str | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find on-call schedules (rotas) by name, or one by ID; with since/until
        the one comes with its final turns and overrides."""
        arguments: dict[str, Any] = {
            "schedule_id": schedule_id,
            "query": query,
            "limit": limit,
            "offset": offset,
            "since": since,
            "until": until,
            "include": include,
        }
        return self._ask("get_schedules", arguments)

    def list_users_oncall(
        self,
        *,
        schedule_id: "str",
        since: "str | None" = None,
        until: "str | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """The users on call on one schedule, now or in a time range, with email;
        phones with include=contact_methods."""
        arguments: dict[str, Any] = {
            "schedule_id": schedule_id,
            "since": since,
            "until": until,
            "offset": offset,
            "include": include,
        }
        return self._ask("list_users_oncall", arguments)

    def get_escalation_policies(
        self,
        *,
        policy_id: "str | None" = None,
        current_user_context: bool = True,
        query: "str | None" = None,
        user_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find escalation policies (who is paged in which order, how pages
        escalate): those of my teams that page me, of given users or teams, or one by ID."""
        arguments: dict[str, Any] = {
            "policy_id": policy_id,
            "current_user_context": current_user_context,
            "query": query,
            "user_ids": user_ids,
            "team_ids": team_ids,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return self._ask("get_escalation_policies", arguments)

    def get_services(
        self,
        *,
        service_id: "str | None" = None,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find services (what incidents happen to): those of my teams, of given
        teams, or one by ID."""
        arguments: dict[str, Any] = {
            "service_id": service_id,
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return self._ask("get_services", arguments)

    def get_teams(
        self,
        *,
        team_id: "str | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find teams by name, or one by ID."""
        arguments: dict[str, Any] = {
            "team_id": team_id,
            "query": query,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return self._ask("get_teams", arguments)

    def get_users(
        self,
        *,
        user_id: "str | None" = None,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        offset: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "dict[str, Any]":
        """Find people (engineers, responders): those of my teams, of given teams,
        or one by ID."""
        arguments: dict[str, Any] = {
            "user_id": user_id,
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "offset": offset,
            "include": include,
        }
        return self._ask("get_users", arguments)

    def iter_incidents(
        self,
        *,
        current_user_context: bool = True,
        service_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        statuses: "list[str] | None" = None,
        urgencies: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_incidents` lists, one by one."""
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "service_ids": service_ids,
            "team_ids": team_ids,
            "statuses": statuses,
            "urgencies": urgencies,
            "since": since,
            "until": until,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_incidents", arguments)

    def iter_oncalls(
        self,
        *,
        current_user_context: bool = True,
        schedule_ids: "list[str] | None" = None,
        user_ids: "list[str] | None" = None,
        escalation_policy_ids: "list[str] | None" = None,
        since: "str | None" = None,
        until: "str | None" = None,
        limit: "int | None" = None,
        earliest: bool = False,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_oncalls` lists, one by one."""
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "schedule_ids": schedule_ids,
            "user_ids": user_ids,
            "escalation_policy_ids": escalation_policy_ids,
            "since": since,
            "until": until,
            "limit": limit,
            "earliest": earliest,
            "include": include,
        }
        return self._stream("get_oncalls", arguments)

    def iter_schedules(
        self,
        *,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_schedules` lists, one by one."""
        arguments: dict[str, Any] = {
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_schedules", arguments)

    def iter_escalation_policies(
        self,
        *,
        current_user_context: bool = True,
        query: "str | None" = None,
        user_ids: "list[str] | None" = None,
        team_ids: "list[str] | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_escalation_policies` lists, one by one."""
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "query": query,
            "user_ids": user_ids,
            "team_ids": team_ids,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_escalation_policies", arguments)

    def iter_services(
        self,
        *,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_services` lists, one by one."""
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_services", arguments)

    def iter_teams(
        self,
        *,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_teams` lists, one by one."""
        arguments: dict[str, Any] = {
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_teams", arguments)

    def iter_users(
        self,
        *,
        current_user_context: bool = True,
        team_ids: "list[str] | None" = None,
        query: "str | None" = None,
        limit: "int | None" = None,
        include: "list[str] | None" = None,
    ) -> "Generator[dict[str, Any], None, None]":
        """All that `get_users` lists, one by one."""
        arguments: dict[str, Any] = {
            "current_user_context": current_user_context,
            "team_ids": team_ids,
            "query": query,
            "limit": limit,
            "include": include,
        }
        return self._stream("get_users", arguments)
