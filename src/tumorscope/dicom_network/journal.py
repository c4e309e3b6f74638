"""The state of every study, in a database that survives a crash at any moment.

A study goes ``receiving`` → ``ready`` → ``analyzing`` → ``sending`` → ``done``, or ends as
``failed``. A late image returns it to ``receiving``. Every step is one transaction, on disk before the next
one begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.journal_records import Arrival, Result, Run, State, Study
from tumorscope.dicom_network.journal_tables import RESULTS, STUDIES, open_journal
from tumorscope.studies.claims import Claim, Claims

MAX_CRASHES = 3
"""An analysis that ended its process this often is not retried."""
MAX_REFUSALS = 5
"""A result that a destination refused this often is not sent again."""
LEASE_S = 60.0
_SENDING_S = 3600.0
_UNSENT = "state IN ('waiting', 'sending')"


class Journal(Claims):
    """A node's studies, runs and results; threads and processes share it.

    Args:
        path: of the database; created if it does not exist.

    Attributes:
        data: the node's folder.
        results: the claims of destinations on results.

    Raises:
        TumorscopeError: the file is not a journal, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.data = path.parent
        self._base = open_journal(path)
        super().__init__(STUDIES, self._base.transaction, MAX_CRASHES, LEASE_S)
        self.results = Claims(RESULTS, self._base.transaction, MAX_REFUSALS, _SENDING_S)

    def close(self) -> None:
        self._base.close()

    # Receiving

    def receive(self, code: str, study: str, image: str, file: str, is_input: bool, corrected: bool = False) -> Arrival:
        """Record an object that is on disk.

        Args:
            code: of the study.
            study: StudyInstanceUID.
            image: SOPInstanceUID.
            file: relative to the node's folder.
            is_input: whether it is analyzed; other objects are only stored.
            corrected: whether it takes the place of the file there, which states another patient. Then this is on disk
                when it returns; else a power cut may take it back, and :func:`import_unrecorded` enters the file.

        Raises:
            FileNotFoundError: it is not on disk, because its study was removed meanwhile.
        """
        with self._base.transaction(on_disk=corrected) as base:
            if not (self.data / file).exists():
                raise FileNotFoundError(file)
            given = {"code": code, "study": study, "image": image, "file": file, "now": base.now()}
            base.execute(
                "INSERT OR IGNORE INTO studies (code, uid, first_received, changed) VALUES (:code, :study, :now, :now)",
                **given,
            )
            enter = "INSERT OR IGNORE INTO images (study, uid, file, input) VALUES (:code, :image, :file, :is_input)"
            entered = base.execute(enter, **given, is_input=int(is_input))
            new = entered.rowcount == 1
            [(state,)] = base.execute("SELECT state FROM studies WHERE code = :code", code=code).fetchall()
            changed = (new or corrected) and is_input
            if changed:  # a repeated image of an aborted association changes nothing
                base.execute(
                    "UPDATE studies SET state = 'receiving', interrupted = 1, tries = 0, failure = NULL, worker = NULL, "
                    "lease = NULL, changed = :now WHERE code = :code",
                    **given,
                )
        return Arrival(new, changed and state not in ("receiving", "ready"), corrected)

    def interrupt(self, code: str) -> None:
        """Record that an image of the study was sent and could not be stored."""
        with self._transaction() as base:
            base.execute("UPDATE studies SET interrupted = 1 WHERE code = :code", code=code)

    def confirm(self, code: str) -> bool:
        """Record that all associations with images of the study were released normally.

        Returns:
            Whether this reopens the study, whose analysis began while images seemed to be missing.
        """
        with self._transaction() as base:
            reopened = base.execute(
                "UPDATE studies SET state = 'receiving', worker = NULL, lease = NULL, changed = :now "
                "WHERE code = :code AND interrupted = 1 AND state IN ('analyzing', 'sending', 'done') "
                "AND (SELECT incomplete FROM runs WHERE study = code AND runs.run = studies.attempt)",
                now=base.now(),
                code=code,
            )
            base.execute("UPDATE studies SET interrupted = 0 WHERE code = :code", code=code)
            return reopened.rowcount == 1

    def files(self) -> set[str]:
        """All recorded files, relative to the node's folder."""
        return {row["file"] for row in self._base.rows("SELECT file FROM images")}

    # Analyzing

    def in_state(self, state: State) -> list[Study]:
        """Studies with images to analyze, the oldest first."""
        return self._studies("state = :value", state)

    def study(self, code: str) -> Study | None:
        """A study by its code; None if it is unknown or has no images to analyze."""
        studies = self._studies("code = :value", code)
        return studies[0] if studies else None

    def _studies(self, condition: str, value: str) -> list[Study]:
        rows = self._base.rows(
            "SELECT s.*, (SELECT COUNT(*) FROM images i WHERE i.study = s.code AND i.input = 1) AS images "
            f"FROM studies s WHERE {condition} ORDER BY s.changed, s.code",
            value=value,
        )
        return [
            Study(row["code"], row["state"], bool(row["interrupted"]), row["attempt"], row["images"], row["failure"])
            for row in rows
            if row["images"]
        ]

    def mark_ready(self, code: str) -> None:
        """Mark a study in ``receiving`` as complete."""
        with self._transaction() as base:
            base.execute("UPDATE studies SET state = 'ready' WHERE code = :code AND state = 'receiving'", code=code)

    def begin(self, code: str, worker: str = "") -> Run | None:
        """Start an analysis; None if the study is no longer ready."""
        with self._transaction() as base:
            claim = self.claim_within(base, code, worker)
            if claim is None:
                return None
            given = {"code": code, "run": claim.attempt}
            [(incomplete,)] = base.execute("SELECT interrupted FROM studies WHERE code = :code", code=code).fetchall()
            query = "SELECT file FROM images WHERE study = :code AND input = 1 ORDER BY file"
            files = tuple(file for (file,) in base.execute(query, code=code).fetchall())
            # Runs with fewer images, and incomplete runs if the study is now confirmed to be complete.
            superseded = "SELECT run FROM runs WHERE study = :code AND (images < :images OR incomplete > :incomplete)"
            given |= {"images": len(files), "incomplete": incomplete}
            earlier = tuple(sorted(run for (run,) in base.execute(superseded, **given).fetchall()))
            base.execute("INSERT INTO runs VALUES (:code, :run, :images, :incomplete)", **given)
            return Run(code, claim.attempt, worker, files, bool(incomplete), earlier)

    def finish(self, run: Claim, files: Sequence[str], destinations: Iterable[str]) -> bool:
        """Record the results of a run, which are on disk; False if the run is outdated by new images."""
        rows = [(file, destination) for destination in destinations for file in files]
        with self._transaction() as base:
            held = self._end(base, run, "'sending'" if rows else "'done'")
            if held:
                base.execute("UPDATE studies SET tries = 0 WHERE code = :code", code=run.item)
                sent_to = (
                    "INSERT INTO results (study, run, file, destination) VALUES (:code, :run, :file, :destination)"
                )
                for file, destination in rows:
                    base.execute(sent_to, code=run.item, run=run.attempt, file=file, destination=destination)
            return held

    def reanalyze(self, name: str) -> str:
        """Request a re-analysis of a study; return its code.

        Args:
            name: its code or its StudyInstanceUID.

        Raises:
            TumorscopeError: the study was never received.
        """
        with self._transaction() as base:
            found = base.execute("SELECT code FROM studies WHERE code = :name OR uid = :name", name=name).fetchall()
            if not found:
                raise TumorscopeError("this study was never received; name it by its UID or by the code in the log")
            self._reopen(base, found[0][0], ["sending", "done", "failed"])
            return found[0][0]

    # Sending

    def claim_results(self, destination: str) -> list[Result]:
        """Claim the results of one run that a destination is to receive now, those not refused yet first."""
        with self._transaction() as base:
            due = base.execute(
                f"SELECT rowid, study, run, file FROM results WHERE destination = :destination AND {_UNSENT} "
                "AND (lease IS NULL OR lease <= :now) ORDER BY tries, study, run, file",
                destination=destination,
                now=base.now(),
            ).fetchall()
            claimed = []
            for row, *result in due:
                if result[:2] == list(due[0][1:3]) and (claim := self.results.claim_within(base, row, destination)):
                    claimed.append(Result(row, claim.attempt, destination, *result))
            return claimed

    def waiting_for(self) -> dict[str, int]:
        """The number of results to send to each destination."""
        query = f"SELECT destination, COUNT(*) FROM results WHERE {_UNSENT} GROUP BY destination"
        return dict(map(tuple, self._base.rows(query)))

    def settle(self, code: str) -> State | None:
        """Finish a study without results left to send: ``done``, or ``failed`` if any was refused; else None."""
        with self._transaction() as base:
            [(unsettled, unsent)] = base.execute(
                f"SELECT COALESCE(SUM({_UNSENT}), 0), COALESCE(SUM(state <> 'sent'), 0) "
                "FROM results WHERE study = :code AND run = (SELECT attempt FROM studies WHERE code = :code)",
                code=code,
            ).fetchall()
            if unsettled:
                return None
            state: State = "failed" if unsent else "done"
            moved = base.execute(
                "UPDATE studies SET state = :state, changed = :now WHERE code = :code AND state = 'sending'",
                state=state,
                now=base.now(),
                code=code,
            )
            return state if moved.rowcount else None
