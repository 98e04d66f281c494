"""What the figures of a verdict count, each in half a line for a person."""

from __future__ import annotations

__all__ = ["FIGURES", "LAG", "READ"]

LAG = "records not yet in a checkpoint"
"""So some is left when all has been read."""
READ = "what left a job's source: beside each record sent also its further copies, and replayed dead letters"
"""Why the jobs read more records than were sent."""

FIGURES = {
    "sent": "records handed to Prism, the planted bad ones among them",
    "acknowledged": "of these, taken by a primary: none may be missing below",
    "failed": "of these, given up",
    "unknown": "sends with an attempt that stayed unanswered: that copy may or may not be in a log",
    "in_logs": "different records in the logs of all primaries",
    "raw_duplicates": "further copies of them there, which the jobs read as well and drop",
    "counted": "what the jobs counted: sent - planted + mended, where none failed",
    "runs": "under which they were counted: those of the input, and one for the mended records",
    "planted": "undecodable records, sent on purpose",
    "dead_lettered": "records that became dead letters",
    "mended": "dead letters that were mended and replayed, each counted once",
    "groups": "rows of the leaderboard",
    "unread_on_victim": "records that the victim held and no job had read when it went",
    "ambiguous_sends": "as unknown, by the producers' own count",
    "restores": "of a job from a checkpoint",
}
"""By the figure's name."""
