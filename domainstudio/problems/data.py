"""Problems of corpus, tokenizer, token files and mixture.

Each sentence says what is the matter, where, and what to do. Placeholders are keys of the problem's params.
"""

SENTENCES: dict[str, str] = {
    "contamination.no_item": (
        "Line {line} of {file} is no evaluation item: each line is JSON with a question, and its choices."
    ),
    "contamination.no_items": (
        "{file} holds no evaluation items: each line is JSON with a question, and its choices."
    ),
    "contamination.result_unreadable": (
        "What the check of {name} found cannot be read from {job} ({reason}): check the items again."
    ),
    "contamination.unreadable": "{file} cannot be read ({reason}): take a whole copy, or another file.",
    "corpus.bad_name": "{name} is no name for a source: write up to {most} characters on one line.",
    "corpus.bad_path": "The name {path} is no UTF-8 text: rename it, or import the folder it lies in.",
    "corpus.import_running": (
        "An import into {source} is going on: wait until it ends, or cancel it, and rename the source then."
    ),
    "corpus.name_empty": "A source needs a name: write one.",
    "corpus.name_taken": "There is a source named {name} already: choose another name.",
    "corpus.no_documents": (
        "None of the {files} files holds a readable document; the first trouble: {place}: {trouble}."
    ),
    "corpus.no_files": (
        "There is no file to read at {path}: this program reads {endings}, texts and tables of text also as "
        ".gz or .zst."
    ),
    "corpus.none_yet": (
        "The project {project} has no text yet: import some with `domainstudio corpus import`."
    ),
    "corpus.other_origin": (
        "The source {source} holds text of another origin, and labels must stay true: choose another name."
    ),
    "corpus.other_role": (
        "The source {source} has the role {role} already, not {asked}: choose that role or another name."
    ),
    "corpus.path_missing": "{path} does not exist: check its spelling.",
    "corpus.unknown_source": "There is no source named {source}; there are: {known}.",
    "corpus.unknown_state": "No document is {state}; there are: {known}.",
    "document.invalid_field": "{where}: {name} is not valid: {reason}.",
    "document.missing": "There is no document number {document}: `domainstudio corpus documents` lists them.",
    "document.unreadable": (
        "A document cannot be read from {file} ({reason}): bring the file back, or import the source again."
    ),
    "duplicates.bad_reviewer": "{name} is no name for a reviewer: write up to {most} characters on one line.",
    "duplicates.none_yet": (
        "Nothing was compared in {project} yet: find near-duplicates first, "
        "`domainstudio duplicates find {project}`."
    ),
    "duplicates.no_such_pair": (
        "The pair of {removed} and {kept} is not in this queue: take one that "
        "`domainstudio audit next` names."
    ),
    "duplicates.same_reviewer": (
        "{reviewer} judged this pair before, and a second look by the same person is none: give the name of "
        "a second reviewer."
    ),
    "duplicates.judged_alone": (
        "{decision} is said of pairs, and this text is judged alone: say accept (fit to train on), reject or "
        "unsure."
    ),
    "duplicates.no_such_survivor": (
        "Document {document} is not in the sample of kept texts: take one that "
        "`domainstudio audit next --queue survivor` names."
    ),
    "duplicates.needs_kept": "A pair is judged: give the number of the kept document too.",
    "duplicates.held_out_stays": (
        "The kept text is held out for testing, and such text always stays: accept the removal, or keep both."
    ),
    "duplicates.search_damaged": (
        "What the search for near-duplicates left in {folder} is missing or damaged: search again."
    ),
    "duplicates.list_damaged": (
        "The list of near-duplicates in {folder} is missing or damaged: search again and mark anew."
    ),
    "mixture.all_zero": "All shares are zero: give at least one source a share.",
    "mixture.bad_epochs": "{value} epochs at most are no limit: give a number above 0.",
    "mixture.bad_share": "The share of {source} is {share}; a share is a number from 0 upwards.",
    "mixture.empty_arm": (
        "The arm {arm} would have no text: control needs a general source, naive one that is not general."
    ),
    "mixture.empty_source": (
        "{source} has no training text: leave it out of the mixture, or import more of it and pack again."
    ),
    "mixture.none_yet": "There is no mixture named {name}: make one with `domainstudio mixture set`.",
    "mixture.ratio_form": (
        "{value!r} is neither a ratio nor a percentage: write general to domain as 1 : 5, replay as 16.7 %."
    ),
    "mixture.share_form": "{value} is no share: write NAME=0.5 or NAME=50%.",
    "mixture.shortfall": (
        "{source} has {available:,} training tokens, and the mixture asks for {tokens:,}, {epochs:.2f} "
        "epochs: allow as many epochs, lower its share, or lower the mixture's tokens to {enough:,}."
    ),
    "mixture.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "mixture.unknown_source": "There is no packed source named {source}; there are: {known}.",
    "sample.package_missing": "The sample needs the package {package}: install domainstudio[train].",
    "tokenizer.bad_pieces": "{count} new tokens are not possible: choose from 1 to {most:,}.",
    "tokenizer.bad_chunks": (
        "{chunks:,} chunks are not possible: choose from 1 to {most:,}; more than one only for a Unigram "
        "vocabulary that no sizing began."
    ),
    "tokenizer.bad_size": "A vocabulary of {size} entries is not possible: choose from {least} to 1,000,000.",
    "tokenizer.bad_types": (
        "{types:,} types in memory are not possible: choose from {least:,} to {most:,}; a million take about "
        "3 GB."
    ),
    "tokenizer.base_has_one": "The base model {folder} brings its own tokenizer: pack with it.",
    "tokenizer.beyond_sizing": (
        "{job} sized vocabularies up to {largest:,} entries, and {size:,} are more: size again with more."
    ),
    "tokenizer.changed": "The tokenizer in {folder} was changed after it was chosen: train it again.",
    "tokenizer.extension_expansion": (
        "The extended vocabulary is not used: in document {document} a new token stands for other ids than "
        "those it was made of. Stay with the base's."
    ),
    "tokenizer.extension_ids": (
        "The extended vocabulary is not used: {token} would have the id {found} instead of {wanted}. Stay "
        "with the base's."
    ),
    "tokenizer.extension_line": (
        "The extended vocabulary is not used: in document {document} a line without a new token is cut "
        "otherwise than before. Stay with the base's."
    ),
    "tokenizer.extension_text": (
        "The extended vocabulary is not used: document {document} does not come back as it does from the "
        "base's. Stay with that."
    ),
    "tokenizer.id_too_high": (
        "The tokenizer has the id {id:,}, and no more than {most:,} entries are possible: take another one."
    ),
    "tokenizer.missing": "There is no tokenizer.json in {folder}: the model's tokenizer belongs there.",
    "tokenizer.little_text": (
        "There are {megabytes:,} MB of text, and a size found on less than 100 MB is that of the sample: "
        "import more text, or take the size as a lower bound."
    ),
    "tokenizer.no_end_of_text": "The tokenizer has no end-of-text token; known ones are: {known}.",
    "tokenizer.no_field": (
        "{project} has no text but general text: import text of the field, of which new tokens are made."
    ),
    "tokenizer.no_held_out": (
        "The sources have no held-out text to measure vocabularies on: import more documents."
    ),
    "tokenizer.no_sizing": (
        "{job} sized no vocabulary to the end: run `domainstudio tokenizer size` and wait for it."
    ),
    "tokenizer.none_there": (
        "There is no tokenizer at {path}: name a tokenizer.json, a SentencePiece .model, or a folder with "
        "either."
    ),
    "tokenizer.none_yet": (
        "The project {project} has no tokenizer yet: train one with `domainstudio tokenizer train`."
    ),
    "tokenizer.not_extendable": (
        "A vocabulary of kind {kind} cannot be extended ({folder}): byte-pair and Unigram vocabularies can."
    ),
    "tokenizer.not_extended": (
        "{project} has no extended vocabulary with new tokens to grow its base by: extend it first, "
        "`domainstudio tokenizer extend`."
    ),
    "tokenizer.not_grown": "The base of {project} was not grown here: there is none before it to go back to.",
    "tokenizer.nothing_to_extend": (
        "The model ({preset}) has random weights: train a vocabulary on the corpus instead of extending one."
    ),
    "tokenizer.types_thinned": (
        "The text has {seen:,} types or more, and {kept:,} are in memory: rare ones were thinned, those kept "
        "count for them; allow more types if there is memory, or train on chunks."
    ),
    "tokenizer.too_many": "{count} tokenizers at once are too many: compare up to {most}.",
    "tokenizer.unknown": "There is no tokenizer named {name} here; there are: {known}.",
    "tokenizer.unreadable": "{file} is no tokenizer: {reason}",
    "tokens.none_yet": (
        "The corpus of {project} is not packed with the current tokenizer: run `domainstudio tokenizer pack`."
    ),
    "tokens.other_tokenizer": "The tokens of {source} were made with another tokenizer: pack again.",
    "tokens.too_few": (
        "{source} has {tokens} tokens, fewer than one block of {length}: lower sequence_length or import "
        "more text."
    ),
    "tokens.unreadable": "{folder} holds no whole token file: pack again.",
    "value.not_a_count": "{value!r} is no whole number above 0: write for example 245000, 245k or 20M.",
}
