"""Problems of projects, their disk, files and jobs; of exports and of setting up.

Each sentence says what is the matter, where, and what to do. Placeholders are keys of the problem's params.
"""

SENTENCES: dict[str, str] = {
    "events.too_new": (
        "This job was written by a newer Domain Studio (version {version} of its events; this one knows "
        "{known}): update the program."
    ),
    "export.bad_file": "{file} cannot be written: give the name of a file in a folder that exists.",
    "export.folder_taken": "{folder} exists and is not empty: give a folder that does not exist yet.",
    "file.not_plain": (
        "{file} is not the plain file or folder that belongs there: remove it, or bring the right one back."
    ),
    "file.too_large": (
        "{file} has more than {most:,} bytes, too many for what it is: bring the right file back."
    ),
    "history.changed_since": (
        "{label}: what it set was changed elsewhere since, so this step cannot be taken: set it by hand."
    ),
    "history.moved_on": (
        "Another edit was made meanwhile in another window or by a command: see what it did, then repeat."
    ),
    "job.already_done": "{job} is done; there is nothing to go on with.",
    "job.already_running": "{job} is running already.",
    "job.bug": "{job} failed because of an error in the program ({error}): its job.log has the details.",
    "job.interrupted": (
        "The process of {job} died before it was done; nothing else was lost. Go on with: domainstudio runs "
        "resume {project} {job}"
    ),
    "job.missing": "There is no job {job} in {folder}.",
    "job.no_number_left": (
        "{job} in {folder} has the last number there is, and no job can follow it: remove that folder."
    ),
    "job.not_running": "{job} is not running; its state is: {status}.",
    "job.on_other_host": "{job} runs on another machine ({host}): stop it there.",
    "job.not_taken_in": (
        "{job} is done, but the disk of {file} is too full to take in what it made (about {needed} are "
        "needed and {free} are free): free some space, then the next command or window takes it in."
    ),
    "job.result_missing": (
        "{job} is done, but {file} of what it made is missing: bring it back, or do the work again."
    ),
    "job.unreadable": (
        "{job} cannot be read ({reason}) and is not shown: bring {folder} back from a copy, or remove it."
    ),
    "job.waits_for_room": (
        "The disk of {file} is full: the work goes on, but nothing of it can be saved or shown; free some "
        "space now."
    ),
    "path.being_written": (
        "Another process is writing {folder} just now: wait until it is done, or choose another name."
    ),
    "path.leaves_folder": "{path} leads out of {folder}: it is refused.",
    "path.link_in_folder": (
        "{path} is a link, a pipe or a device, which could lead out of the project: remove it, and put the "
        "file itself in its place."
    ),
    "project.bad_name": "{name!r} is no name for a project folder.",
    "project.cannot_create": "The project {folder} cannot be made: {reason}.",
    "project.cannot_open": "{file} cannot be opened: check that its folder exists and may be written.",
    "project.damaged": "{file} is damaged or no project database: restore the newest backup beside it.",
    "project.disk_error": (
        "The disk reported an error at {file}: check the disk; what was saved before is intact."
    ),
    "project.disk_filled": (
        "The disk of {file} was full, and more is needed than the {free} that are free now: free some space "
        "and repeat, what was saved before is intact."
    ),
    "project.disk_full": (
        "The disk of {file} is too full: about {needed} are needed and {free} are free; free some space and "
        "repeat, what was saved before is intact."
    ),
    "project.disk_limit": (
        "{file} may not become as large as it must: a quota of your account or a limit of the file system "
        "stands in the way; free some space of yours or take another disk, what was saved before is intact."
    ),
    "project.foreign_journal": (
        "{file} is a journal that would have another file deleted, and no part of this project: remove it."
    ),
    "project.folder_taken": "{folder} exists and is not empty: give a folder that does not exist yet.",
    "project.is_link": (
        "{file} is a link and might lead out of the project: put the file or folder itself in its place."
    ),
    "project.locked": "{file} is busy in another program for more than 5 seconds: wait for it, then repeat.",
    "project.missing": "{folder} is no project: make one with `domainstudio project new`.",
    "project.moved": (
        "{folder} was moved, deleted or replaced while it was open: bring it back, or open it where it is."
    ),
    "project.no_access": "{file} may not be read or written: check its rights and those of its folder.",
    "project.no_more_files": (
        "The disk of {file} has room left but can hold no more files: delete some and repeat, what was saved "
        "before is intact."
    ),
    "project.other_schema": (
        "{file} holds tables, views or triggers that are not of this program and is not opened: restore the "
        "newest backup beside it."
    ),
    "project.read_only": "{file} may not be written: check the rights of its folder.",
    "project.too_new": (
        "{file} was written by a newer Domain Studio (version {version}; this one knows {known}): update the "
        "program."
    ),
    "project.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "report.no_points": "{run} has not measured anything yet: wait for its first probe.",
    "setup.failed": (
        "The installation ended with code {code} ({reason}): check the network or the package index, then "
        "repeat."
    ),
}
