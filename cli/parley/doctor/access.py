"""Who may read what is secret: the files of a stack, by their modes."""

import stat
from dataclasses import dataclass
from pathlib import Path

from parley.doctor.findings import Line, failure, ok, warning

CONTAINER_USER = 10001


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds secrets.

    Args:
        for_containers: whether services read it, as user 10001 of their containers.
    """

    variable: str
    path: Path
    for_containers: bool


@dataclass(frozen=True, slots=True)
class Access:
    """Owner and mode of a file."""

    uid: int
    gid: int
    mode: int

    @property
    def open_to_others(self) -> bool:
        return bool(self.mode & (stat.S_IROTH | stat.S_IWOTH))

    def readable_for(self, user: int) -> bool:
        """For a user whose group has the same number, as in our images."""
        if self.uid == user:
            return bool(self.mode & stat.S_IRUSR)
        if self.gid == user:
            return bool(self.mode & stat.S_IRGRP)
        return bool(self.mode & stat.S_IROTH)


def look_at(file: SecretFile) -> Line:
    """Stat the file and judge."""
    try:
        status = file.path.stat()
    except OSError as exc:
        return failure(
            f"{file.variable}: {file.path} cannot be read: {exc.strerror}",
            f"Correct {file.variable}, or write the file.",
        )
    if not stat.S_ISREG(status.st_mode):
        return failure(f"{file.variable}: {file.path} is no file", f"Correct {file.variable}.")
    return judge(file, Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)))


def judge(file: SecretFile, access: Access) -> Line:
    """Readable for those who need it and for nobody else."""
    if file.for_containers and not access.readable_for(CONTAINER_USER):
        return failure(
            f"{file.path} cannot be read by the services, which are user {CONTAINER_USER}",
            f"sudo chown {CONTAINER_USER} {file.path} && sudo chmod 400 {file.path}",
        )
    if access.open_to_others:
        owner = f"sudo chown {CONTAINER_USER} {file.path} && sudo " if file.for_containers else ""
        mode = "400" if file.for_containers else "600"
        return warning(
            f"every user of this machine may read {file.path} (mode {access.mode:o})",
            f"{owner}chmod {mode} {file.path}",
        )
    return ok(f"{file.path} is readable for its owner (mode {access.mode:o})")
