"""The files of a run: the run directory, the event journal, the attempts, the manifest."""

from sdpo_tts.record.atomic import folder_size, read_json, sweep, write_folder, write_json, write_text, write_with
from sdpo_tts.record.attempt import AttemptRecord, OutcomeSummary, summarise
from sdpo_tts.record.events import Event, parse_events, read_events
from sdpo_tts.record.journal import Journal
from sdpo_tts.record.manifest import manifest
from sdpo_tts.record.run_dir import RunDir

__all__ = [
    "AttemptRecord",
    "Event",
    "Journal",
    "OutcomeSummary",
    "RunDir",
    "folder_size",
    "manifest",
    "parse_events",
    "read_events",
    "read_json",
    "summarise",
    "sweep",
    "write_folder",
    "write_json",
    "write_text",
    "write_with",
]
