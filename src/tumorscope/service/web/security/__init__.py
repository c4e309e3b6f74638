"""Authentication, allowed hosts and origins, and security headers."""
