"""What every output says."""

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
