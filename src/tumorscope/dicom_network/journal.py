"""The state of every study, in a database that survives a crash at any moment.

A study goes ``receiving`` → ``ready`` → ``analyzing`` → ``sending`` → ``done``, or ends as
``failed``. A late image returns it to ``receiving``. Every step is one transaction, on disk before the next
one begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.database import Database
from tumorscope.dicom_network.records import Arrival, Result, Run, State, Study

MAX_CRASHES = 3
"""An analysis that ended its process this often is not retried."""
MAX_REFUSALS = 5
"""A result that a destination refused this often is not sent again."""


class Journal(Database):
    """A node's studies, runs and results; see :class:`~tumorscope.dicom_network.database.Database` for the file."""

    # Receiving

    def receive(self, code: str, study: str, image: str, file: str, is_input: bool) -> Arrival:
        """Record an object that is on disk.

        Args:
            code: of the study.
            study: StudyInstanceUID.
            image: SOPInstanceUID.
            file: relative to the node's folder.
            is_input: whether it is analyzed; other objects are only stored.

        Raises:
            FileNotFoundError: it is not on disk, because its study was removed meanwhile.
        """
        now = time.time()
        with self.transaction() as base:
            if not (self.data / file).exists():
                raise FileNotFoundError(file)
            base.execute(
                "INSERT OR IGNORE INTO studies (code, uid, first_received, changed) VALUES (?, ?, ?, ?)",
                (code, study, now, now),
            )
            entered = base.execute(
                "INSERT OR IGNORE INTO images (study, uid, file, input) VALUES (?, ?, ?, ?)",
                (code, image, file, int(is_input)),
            )
            new = entered.rowcount == 1
            state = base.execute("SELECT state FROM studies WHERE code = ?", (code,)).fetchone()["state"]
            if new and is_input:  # a repeated image of an aborted association changes nothing
                base.execute(
                    "UPDATE studies SET state = 'receiving', interrupted = 1, crashes = 0, reason = NULL, changed = ? "
                    "WHERE code = ?",
                    (now, code),
                )
        return Arrival(new, new and is_input and state not in ("receiving", "ready"))

    def interrupt(self, code: str) -> None:
        """Record that an image of the study was sent and could not be stored."""
        with self.transaction() as base:
            base.execute("UPDATE studies SET interrupted = 1 WHERE code = ?", (code,))

    def confirm(self, code: str) -> bool:
        """Record that all associations with images of the study were released normally.

        Returns:
            Whether this reopens the study, whose analysis began while images seemed to be missing.
        """
        with self.transaction() as base:
            reopened = base.execute(
                "UPDATE studies SET state = 'receiving', changed = ? "
                "WHERE code = ? AND interrupted = 1 AND state IN ('analyzing', 'sending', 'done') "
                "AND (SELECT incomplete FROM runs WHERE study = code AND runs.run = studies.run)",
                (time.time(), code),
            )
            base.execute("UPDATE studies SET interrupted = 0 WHERE code = ?", (code,))
            return reopened.rowcount == 1

    def files(self) -> set[str]:
        """All recorded files, relative to the node's folder."""
        return {row["file"] for row in self.rows("SELECT file FROM images")}

    # Analyzing

    def in_state(self, state: State) -> list[Study]:
        """Studies with images to analyze, the oldest first."""
        return self._studies("state = ?", state)

    def study(self, code: str) -> Study | None:
        """A study by its code; None if it is unknown or has no images to analyze."""
        studies = self._studies("code = ?", code)
        return studies[0] if studies else None

    def _studies(self, condition: str, value: str) -> list[Study]:
        rows = self.rows(
            "SELECT s.*, (SELECT COUNT(*) FROM images i WHERE i.study = s.code AND i.input = 1) AS images "
            f"FROM studies s WHERE {condition} ORDER BY s.changed, s.code",
            value,
        )
        return [
            Study(row["code"], row["state"], bool(row["interrupted"]), row["run"], row["images"], row["reason"])
            for row in rows
            if row["images"]
        ]

    def mark_ready(self, code: str) -> None:
        """Mark a study in ``receiving`` as complete."""
        self._move(code, "receiving", "ready")

    def begin(self, code: str) -> Run | None:
        """Start an analysis; None if the study is no longer ready."""
        with self.transaction() as base:
            moved = base.execute(
                "UPDATE studies SET state = 'analyzing', run = run + 1 WHERE code = ? AND state = 'ready'", (code,)
            )
            if moved.rowcount == 0:
                return None
            run, incomplete = base.execute("SELECT run, interrupted FROM studies WHERE code = ?", (code,)).fetchone()
            query = "SELECT file FROM images WHERE study = ? AND input = 1 ORDER BY file"
            files = tuple(row["file"] for row in base.execute(query, (code,)))
            # Runs with fewer images, and incomplete runs if the study is now confirmed to be complete.
            superseded = base.execute(
                "SELECT run FROM runs WHERE study = ? AND (images < ? OR incomplete > ?) ORDER BY run",
                (code, len(files), incomplete),
            )
            earlier = tuple(row["run"] for row in superseded)
            base.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (code, run, len(files), incomplete))
            return Run(run, files, bool(incomplete), earlier)

    def finish(self, code: str, run: int, files: Sequence[str], destinations: Iterable[str]) -> bool:
        """Record the results of a run, which are on disk; False if the run is outdated by new images."""
        rows = [(code, run, file, destination) for destination in destinations for file in files]
        with self.transaction() as base:
            moved = base.execute(
                "UPDATE studies SET state = ?, crashes = 0, changed = ? WHERE code = ? AND state = 'analyzing' AND run = ?",
                ("sending" if rows else "done", time.time(), code, run),
            )
            if moved.rowcount == 1:
                base.executemany("INSERT INTO results (study, run, file, destination) VALUES (?, ?, ?, ?)", rows)
            return moved.rowcount == 1

    def requeue(self, code: str) -> None:
        """Return a study to ``ready`` after an interrupted analysis."""
        self._move(code, "analyzing", "ready")

    def crash(self, code: str, reason: str) -> bool:
        """Record that an analysis ended its process; whether it will be retried."""
        with self.transaction() as base:
            base.execute(
                "UPDATE studies SET crashes = crashes + 1, reason = ?, "
                "state = CASE WHEN crashes + 1 < ? THEN 'ready' ELSE 'failed' END, changed = ? "
                "WHERE code = ? AND state = 'analyzing'",
                (reason, MAX_CRASHES, time.time(), code),
            )
            row = base.execute("SELECT state FROM studies WHERE code = ?", (code,)).fetchone()
            return row["state"] != "failed"

    def fail(self, code: str, reason: str) -> None:
        """Record that the study cannot be analyzed."""
        with self.transaction() as base:
            base.execute(
                "UPDATE studies SET state = 'failed', reason = ?, changed = ? WHERE code = ? AND state = 'analyzing'",
                (reason, time.time(), code),
            )

    def reanalyze(self, name: str) -> str:
        """Request a re-analysis of a study; return its code.

        Args:
            name: its code or its StudyInstanceUID.

        Raises:
            TumorscopeError: the study was never received.
        """
        with self.transaction() as base:
            row = base.execute("SELECT code FROM studies WHERE code = ? OR uid = ?", (name, name)).fetchone()
            if row is None:
                raise TumorscopeError("this study was never received; name it by its UID or by the code in the log")
            base.execute(
                "UPDATE studies SET state = 'ready', crashes = 0, reason = NULL "
                "WHERE code = ? AND state IN ('sending', 'done', 'failed')",
                (row["code"],),
            )
            return row["code"]

    def _move(self, code: str, before: State, after: State) -> None:
        with self.transaction() as base:
            base.execute("UPDATE studies SET state = ? WHERE code = ? AND state = ?", (after, code, before))

    # Sending

    def unsent(self, destination: str) -> list[Result]:
        """The results to send to a destination, those not refused yet first."""
        rows = self.rows(
            "SELECT * FROM results WHERE destination = ? AND sent = 0 AND refusals < ? "
            "ORDER BY refusals, study, run, file",
            destination,
            MAX_REFUSALS,
        )
        return [Result(row["study"], row["run"], row["file"], row["destination"], row["refusals"]) for row in rows]

    def waiting_for(self) -> dict[str, int]:
        """The number of results to send to each destination."""
        rows = self.rows(
            "SELECT destination, COUNT(*) AS n FROM results WHERE sent = 0 AND refusals < ? GROUP BY destination",
            MAX_REFUSALS,
        )
        return {row["destination"]: row["n"] for row in rows}

    def sent(self, result: Result) -> None:
        """Record that a destination has stored a result."""
        self._note(result, "sent = 1, reason = NULL")

    def refused(self, result: Result, reason: str) -> bool:
        """Record that a destination refused a result; whether it will be sent again."""
        self._note(result, "refusals = refusals + 1, reason = ?", reason)
        return result.refusals + 1 < MAX_REFUSALS

    def _note(self, result: Result, change: str, *values: object) -> None:
        with self.transaction() as base:
            base.execute(
                f"UPDATE results SET {change} WHERE study = ? AND run = ? AND file = ? AND destination = ?",
                (*values, result.study, result.run, result.file, result.destination),
            )

    def settle(self, code: str) -> State | None:
        """Finish a study without results left to send: ``done``, or ``failed`` if any was refused; else None."""
        with self.transaction() as base:
            counts = base.execute(
                "SELECT COALESCE(SUM(sent = 0 AND refusals < ?), 0) AS open, COALESCE(SUM(sent = 0), 0) AS unsent "
                "FROM results WHERE study = ? AND run = (SELECT run FROM studies WHERE code = ?)",
                (MAX_REFUSALS, code, code),
            ).fetchone()
            if counts["open"]:
                return None
            state: State = "failed" if counts["unsent"] else "done"
            moved = base.execute(
                "UPDATE studies SET state = ?, changed = ? WHERE code = ? AND state = 'sending'",
                (state, time.time(), code),
            )
            return state if moved.rowcount else None

    # Removing

    def settled_before(self, moment: float) -> list[str]:
        """Codes of studies done or failed since before a moment, in seconds since 1970."""
        query = "SELECT code FROM studies WHERE state IN ('done', 'failed') AND changed < ?"
        return [row["code"] for row in self.rows(query, moment)]

    def forget(self, code: str, remove: Callable[[], None]) -> None:
        """Delete a study that is done or failed, and its files in the same transaction.

        An image that arrives meanwhile is either recorded before, and the study stays, or its file is
        missing, and its sender receives an error status.
        """
        with self.transaction() as base:
            deleted = base.execute("DELETE FROM studies WHERE code = ? AND state IN ('done', 'failed')", (code,))
            if deleted.rowcount:
                remove()
