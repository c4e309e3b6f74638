"""The notice on every output."""

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
