"""The Docker guest and what is checked in it; see scripts/docker-lab."""
