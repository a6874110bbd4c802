#!/usr/bin/env python3
"""
publish: an executable model of the stage that copies stored files into a bucket, each exactly once.

Each `yield` stands between two atomic steps: one request to the server, one commit of the state,
one act on the disk. At any `yield` a process may be killed. A request may fail, its answer may get
lost, and it may reach the server much later, whatever became of its sender.
This file is the protocol. `publish_play.py` is the world around it: faults, strangers, operators,
what must be true. A rule that can be forgotten asks `w.is_('MUTANT')`; `page-…` is what the first
page of the design said, or did not say.

    python3 docs/models/publish.py [--schedules N] [--seed S] [--mutant NAME | --mutants]

Read `publish` first; then `put_part`: the manifest is a log of numbered parts; then `withdraw`.
"""
import copy
from types import SimpleNamespace as Record

DAY = 250  # in steps; an upload that is younger is never swept
FILES = {'a': {'': 'a'}, 'b': {'': 'b'}, 'LMNO': {'.out': 'o', '': 'LMNO'}}  # outputs first

class Violation(Exception): pass

def violated(wrong, what):
    if wrong: raise Violation(what)

def paths(content): return {suffix: f'{content.id}{suffix}' for suffix in FILES[content.text]}
def key_of(content, suffix): return f'obj/{content.id}{suffix}'
def ours(content, suffix): return content.id, suffix, FILES[content.text][suffix]  # the metadata

# -- a request -----------------------------------------------------------------------------------

def ask(w, me, what, *args):
    """One request and its answer. After a timeout it may have been, or is still to come."""
    text = f'{what} {" ".join(map(str, args))}'
    yield f'send {text}'
    send = lambda: getattr(w.bucket, what)(me, *args)
    if w.away or w.maybe(.03): return 500, None
    if w.maybe(w.lateness):
        w.late.append((text, send))
        return 'timeout', None
    answer = send()
    if w.maybe(.04): return 'timeout', None
    yield f'answer {answer[0]}'
    return answer

# -- the state ------------------------------------------------------------------------------------

def State(id, from_scratch=False):
    """`rows`: (line or correction, ingest id) -> the number of its part, 0: in none yet. `last`:
    the highest number that is known in the bucket. `entered`, `sealed`: since this start."""
    return Record(id=id, contents={}, pubs={}, jobs={}, rows={}, parts={}, last=0, allowed={},
                  prefix='', entered=False, sealed=False, success=set(), waits=from_scratch)

def is_ours(w, job):
    """The fence: every transaction about a job begins with this question."""
    row = w.db.jobs.get(job.id)
    return row and (w.is_('no-fence') or (row.state, row.claim) == ('claimed', job.claim))

def settle(w, job, state, why=''):
    """A publication always asks the ledger, also to be held: a withdrawn content ends it."""
    if not is_ours(w, job): return
    row, content = w.db.jobs[job.id], w.db.contents[job.content]
    asks = not w.is_('no-ledger') and not (w.is_('page-held') and state == 'held')
    if row.kind == 'publish' and content.state == 'withdrawn' and asks: state = 'done'
    row.state, row.why = state, why
    if state == 'done' and row.kind == 'publish' and not w.is_('page-upload-stays'):
        for file in w.db.pubs[content.row].files.values(): file.upload = ''
    w.seen[f'{row.kind} {state} {why}'.strip()] += 1

def add_job(w, kind, content):
    number = f'J{next(w.ids)}'
    w.db.jobs[number] = Record(id=number, kind=kind, content=content.row, state='ready', claim=0,
                               why='')

def job_of(db, kind, content):
    return next((job for job in db.jobs.values()
                 if (job.kind, job.content) == (kind, content.row) and job.state != 'done'), None)

def is_put(db, kind, content):
    part = db.parts.get(db.rows.get((kind, content.id)))
    return part is not None and part.state == 'put'

def add_pub(w, content):
    """A row for each file of the content."""
    files = {suffix: Record(upload='', etag=None, size=w.part_size) for suffix in paths(content)}
    return w.db.pubs.setdefault(content.row, Record(done=False, files=files))

# -- one file -------------------------------------------------------------------------------------

def adopt_due(w, me):
    """Step 1, as a level: a stored content without a publication."""
    yield 'adopt what is due'
    for content in w.db.contents.values():
        if content.state == 'stored' and content.row not in w.db.pubs:
            add_pub(w, content), add_job(w, 'publish', content)

def publish(w, me, job):
    content = w.db.contents[job.content]
    yield 'does a part have its line?'  # of a newer state, whose object and local file we know not
    if ('line', content.id) in w.db.rows and not w.is_('page-goes-on'):
        return settle(w, job, 'done')
    for suffix, file in w.db.pubs[content.row].files.items():  # outputs first, the file last
        if w.is_('line-before-objects') and suffix == '':
            w.db.rows.setdefault(('line', content.id), 0)
        if file.etag: continue
        put = put_large if len(FILES[content.text][suffix]) > 1 else put_small
        came, what = yield from put(w, me, job, content, suffix, copy.copy(file))
        yield f'settle {suffix or "the file"}: {came} {what}'
        if came != 'there': return settle(w, job, came, what)
        if not is_ours(w, job): return
        file.etag = what
    yield 'step 5'
    if not is_ours(w, job): return
    if content.state == 'stored' or w.is_('no-ledger'):
        closed = [n for n, part in w.db.parts.items() if part.state == 'closed']
        number = closed[0] if closed and w.is_('join-closed') else 0
        w.db.rows.setdefault(('line', content.id), number)
    w.db.pubs[content.row].done = True
    settle(w, job, 'done')

def what_is_there(w, me, content, suffix):
    """After doubt: ours, somebody else's, or nothing."""
    code, found = yield from ask(w, me, 'head', key_of(content, suffix))
    if code == 404: return 'ready', 'nothing there'
    if code != 200: return 'ready', 'bucket'
    if found.meta != ours(content, suffix) and not w.is_('metadata-not-compared'):
        return 'held', 'object_taken'
    return 'there', (found.etag, found.version)

def put_small(w, me, job, content, suffix, file):
    yield 'read the local file'
    body, meta = w.disk.files.get(paths(content)[suffix]), ours(content, suffix)
    if body is None: return 'held', 'local_file_missing'
    code, etag = yield from ask(w, me, 'put', key_of(content, suffix), body, meta, meta[2],
                                not w.is_('no-condition'))
    if code == 'BadDigest': return 'held', 'local_file_changed'
    if code == 200: return 'there', etag
    return (yield from what_is_there(w, me, content, suffix))

def put_large(w, me, job, content, suffix, file):
    path, key, meta = paths(content)[suffix], key_of(content, suffix), ours(content, suffix)
    number = file.upload
    if not number:
        came, what = yield from what_is_there(w, me, content, suffix)  # a Create finds no 412
        if what != 'nothing there' and not w.is_('page-create'): return came, what
        w.check_begun(me, key)
        code, number = yield from ask(w, me, 'create', key, meta)
        if code != 200: return 'ready', 'bucket'
        yield 'write the upload id'
        if not is_ours(w, job): return 'ready', 'lost'
        if not w.is_('upload-not-recorded'): w.db.pubs[content.row].files[suffix].upload = number
    code, listed = yield from ask(w, me, 'list_parts', number)
    if code == 'NoSuchUpload': return (yield from forget(w, me, job, content, suffix, number))
    if code != 200: return 'ready', 'bucket'
    digest, pieces = '', {}
    for n in range(0, len(meta[2]), file.size):
        yield f'read from {n}'
        if path not in w.disk.files: return 'held', 'local_file_missing'
        pieces[n] = w.disk.files[path][n:n + file.size]
        digest += pieces[n]
        if n in listed and w.is_('page-parts-listed'): pieces[n] = listed[n]
        if listed.get(n) == pieces[n]: continue  # an earlier claim may have read other bytes
        code, _ = yield from ask(w, me, 'part', number, n, pieces[n])
        if code == 'NoSuchUpload': return (yield from forget(w, me, job, content, suffix, number))
        if code != 200: return 'ready', 'bucket'
    if digest != meta[2] and not w.is_('digest-not-compared'): return 'held', 'local_file_changed'
    code, etag = yield from ask(w, me, 'complete', number, pieces)
    if code == 200: return 'there', etag
    if code == 'NoSuchUpload' or code == 409 and not w.is_('page-409'):
        return (yield from forget(w, me, job, content, suffix, number))
    return (yield from what_is_there(w, me, content, suffix))

def forget(w, me, job, content, suffix, number):
    """The upload is gone, or of no use: its row forgets it, where the object is not there."""
    came, what = yield from what_is_there(w, me, content, suffix)
    if what == 'nothing there':
        yield 'forget the upload'
        w.forgotten.add(number)
        file = w.db.pubs[content.row].files[suffix]
        if is_ours(w, job) and file.upload == number: file.upload = ''
    return came, what

# -- the manifest: a log of numbered parts --------------------------------------------------------

def put_part(w, me):
    """
    Part N is closed after N - 1 is put. Where another part has its number, that one is read, and
    the rows of ours join the next one. So a state that is older, or rebuilt, takes in what it does
    not know. As soon as the first number that was free at this start is taken, by whatever part,
    the stage is *sealed*: no part that was sent before can come any more.
    """
    yield 'close a part'
    closed = [n for n, part in w.db.parts.items() if part.state == 'closed']
    for kind, id in list(w.db.rows):  # what was withdrawn before anybody could see it
        if kind == 'line' and w.db.rows[kind, id] == 0 and w.content(id).state == 'withdrawn' \
                and not w.is_('page-withdrawn-line'):
            del w.db.rows[kind, id]
            w.db.rows.pop(('correction', id), None)
    rows = sorted((row for row, n in w.db.rows.items() if n == 0), reverse=True)  # lines first
    if (rows or not w.db.sealed) and (not closed or rows and w.is_('page-any-order')):
        n = next(w.ids) if w.is_ulid() else w.db.last + 1
        body = tuple((kind, id, w.fact_of(id)) for kind, id in rows)  # it may be empty
        w.db.parts[n], closed = Record(state='closed', body=body), [*closed, n]
        for row in rows: w.db.rows[row] = n
    if not closed: return
    n = w.rng.choice(closed)
    body, key = w.db.parts[n].body, f'parts/{n}'
    code, _ = yield from ask(w, me, 'put', key, body, None, body, not w.is_('no-condition'))
    if code != 200:
        code, found = yield from ask(w, me, 'get', key)
        if code != 200: return
        if found.body != body:
            yield f'read part {n}'
            return learn(w, n, found.body), seal(w)
    yield f'part {n} is put'
    if (w.db.parts[n].state, w.db.parts[n].body) == ('closed', body):
        w.db.parts[n].state, w.db.last = 'put', max(n, w.db.last)
        seal(w)

def seal(w): w.db.sealed, w.db.waits = True, False

def learn(w, n, body):
    """A part in the bucket that is not known here. One commit."""
    db = w.db
    if n <= db.last and not w.is_ulid(): return
    for row, number in db.rows.items():
        if number == n: db.rows[row] = 0  # of our part with this number
    db.parts[n], db.last = Record(state='put', body=body), n
    for kind, id, fact in body if not w.is_('no-read') else ():
        content = next((c for c in db.contents.values() if c.id == id), None)
        if content is None:
            if w.is_('page-unknown'): continue
            content = w.insert(*fact, id, 'stored')
        db.rows[kind, id] = n
        if content.state in ('manifested', 'unconfirmed'): content.state = 'stored'
        if content.state != 'pruned': add_pub(w, content).done = True
        if kind == 'correction': content.state = 'withdrawn'
        if content.state == 'withdrawn' and not job_of(db, 'withdraw', content):
            add_job(w, 'withdraw', content)
    w.seen['part read'] += 1

def enter(w, me):
    """At a start: whose prefix is it, and which parts are not known here?"""
    db = w.db
    if not db.prefix:
        code, keys = yield from ask(w, me, 'list', '')
        if code != 200: return
        if keys and 'marker' not in keys and not w.is_('page-foreign-marker'):
            w.seen['prefix is not empty'] += 1
            return  # a person has to say that it is ours
    yield from ask(w, me, 'put', 'marker', db.id, None, db.id)
    code, found = yield from ask(w, me, 'get', 'marker')
    if code != 200: return
    violated(found.body != db.id and db.id == w.owner, 'the owner of the prefix is refused')
    if found.body != db.id: return
    yield 'the prefix is ours'
    db.prefix, w.owner = 'ours', w.owner or db.id
    code, keys = yield from ask(w, me, 'list', 'parts/')
    if code != 200: return
    for n in sorted(int(key.removeprefix('parts/')) for key in keys):
        if n in db.parts and db.parts[n].state == 'put': continue
        code, found = yield from ask(w, me, 'get', f'parts/{n}')
        if code != 200: return
        yield f'read part {n}'
        learn(w, n, found.body)
    yield 'all parts are read'
    db.entered = True
    if w.is_('page-no-seal') or w.is_ulid(): seal(w)

def success(w, me):
    """_SUCCESS of an hour that ended: after all its lines, also of what is not stored yet. What is
    being withdrawn counts when that has ended: an older state may not know of it."""
    yield 'which hour has ended?'
    asks = ('stored',) if w.is_('page-success') else ('stored', 'manifested')
    for hour in range(1, w.hour):
        left = [c for c in w.db.contents.values()
                if c.hour == hour and (c.state in asks and not is_put(w.db, 'line', c)
                                       or job_of(w.db, 'withdraw', c))]
        if left or hour in w.db.success: continue
        code, _ = yield from ask(w, me, 'put', f'success/{hour}', hour, None, hour)
        if code in (200, 412): w.db.success.add(hour)

# -- the local files ------------------------------------------------------------------------------

def remove(w, me):
    """Step 6: HEAD; rename into a folder of our own, compare there; remove it or put it back."""
    yield 'which local file may go?'
    disk = w.disk
    def may_go(content):
        pub = w.db.pubs.get(content.row)
        return content.state == 'stored' and (
            is_put(w.db, 'line', content) or w.is_('page-remove') and pub and pub.done)
    there = [(content, suffix) for content in w.db.contents.values()
             for suffix, path in paths(content).items()
             if path in disk.aside or path in disk.files and w.keep_local and may_go(content)]
    if not there: return
    content, suffix = w.rng.choice(there)
    path, key, is_proven = paths(content)[suffix], key_of(content, suffix), False
    if may_go(content):
        code, found = yield from ask(w, me, 'head', key)
        is_proven = code == 200 and found.meta == ours(content, suffix)
        if w.is_('remove-before-head'): is_proven = True
        elif code not in (200, 404): return
    if is_proven and w.is_('remove-by-path'): return w.unlink(disk.files, path, key)
    if is_proven and path in disk.files and path not in disk.aside:
        yield 'rename aside'
        if path not in disk.files or path in disk.aside: return
        disk.aside[path] = disk.files.pop(path)
    yield 'compare'
    if path not in disk.aside: return
    if is_proven and disk.aside[path] == FILES[content.text][suffix]:
        w.unlink(disk.aside, path, key)
    elif path not in disk.files or w.is_('put-back-replaces'):
        disk.files[path] = disk.aside.pop(path)

def prune(w, me):
    """--keep-history forgets no record that the stage, or step 6, still needs."""
    yield 'prune'
    for content in w.db.contents.values():
        is_local = any(path in folder for path in paths(content).values()
                       for folder in (w.disk.files, w.disk.aside))
        may = is_put(w.db, 'line', content) and not (w.keep_local and is_local)
        if content.state == 'stored' and (may or w.is_('page-prune')) \
                and not job_of(w.db, 'publish', content):
            content.state = 'pruned'
            w.db.pubs.pop(content.row, None)
    for job in [job for job in w.db.jobs.values() if job.state == 'done']: del w.db.jobs[job.id]

# -- what is withdrawn, and what is left over -----------------------------------------------------

def withdraw(w, me, job):
    """The command was its first commit. Each step may be done twice."""
    content, db = w.db.contents[job.content], w.db
    yield 'write the local correction'
    if not w.is_('local-correction-last'): w.disk.corrections.add(content.id)
    yield 'wait for the publication'
    if not is_ours(w, job): return
    if job_of(db, 'publish', content) and not w.is_('withdraw-no-wait'):
        return settle(w, job, 'ready', 'waits for the publication')
    if ('line', content.id) in db.rows: db.rows.setdefault(('correction', content.id), 0)
    yield 'wait for the correction'
    is_open = ('line', content.id) in db.rows and not is_put(db, 'correction', content)
    if is_open and not w.is_('delete-before-correction'):
        return settle(w, job, 'ready', 'waits for the part')
    steps = [to_failed, delete_objects]
    for step in reversed(steps) if w.is_('page-delete-first') else steps:
        if not (yield from step(w, me, content)): return settle(w, job, 'ready', 'bucket')
    yield 'withdrawn'
    w.disk.corrections.add(content.id)
    settle(w, job, 'done')

def to_failed(w, me, content):
    """Before the objects are deleted: a step 6 that has its HEAD finds nothing to remove then."""
    for suffix, path in paths(content).items():
        for folder in (w.disk.files, w.disk.aside, w.disk.files):  # step 6 renames to and fro
            yield 'to failed/'
            if folder.get(path) == FILES[content.text][suffix]:
                w.disk.failed[path] = folder.pop(path)
    return True

def delete_objects(w, me, content):
    """Also where there is no publication: a state that was lost may have put them."""
    pub = w.db.pubs.get(content.row)
    if pub is None and w.is_('page-no-row'): return True
    for suffix in paths(content):
        key, is_once = key_of(content, suffix), w.is_('page-delete-once')
        if is_once and pub and pub.files[suffix].etag:
            code, _ = yield from ask(w, me, 'delete', key, *pub.files[suffix].etag)
            if code not in (200, 404, 412): return False
            continue
        while True:  # until it is gone: another upload may have brought the same bytes
            code, found = yield from ask(w, me, 'head', key)
            if code == 404 or code == 200 and found.meta != ours(content, suffix): break
            if code != 200: return False
            which = found.etag, found.version
            if w.is_('delete-without-if-match'): which = None, None
            code, _ = yield from ask(w, me, 'delete', key, *which)
            if code not in (200, 404, 412): return False
    return True

def sweep(w, me):
    """Uploads of a day ago, by the server's time, that no row has."""
    code, uploads = yield from ask(w, me, 'list_uploads')
    if code != 200: return
    now = w.now + (w.skew if w.is_('sweep-own-clock') else 0)
    yield 'read the upload ids in rows'
    recorded = {file.upload for pub in w.db.pubs.values() for file in pub.files.values()}
    for number, at in uploads.items():
        if now - at < DAY or number in recorded and not w.is_('sweep-all'): continue
        yield from ask(w, me, 'abort', number)
        violated(number in recorded or w.now - at < DAY, f'{number} is in use, and is swept')
        w.seen['swept'] += 1

# -- a process ------------------------------------------------------------------------------------

def worker(w, me):
    """Only what may find something to do is chosen: that saves most of the time of a play."""
    while True:
        yield 'next'
        if me.zombie: return  # its row in `owners` is gone
        db, states = w.db, {content.state for content in w.db.contents.values()}
        ready = [job for job in db.jobs.values() if job.state == 'ready']
        acts = [w.move] * ('manifested' in states) + [sweep] * bool(w.bucket.uploads)
        stage = [publish] * 4 * bool(ready) + [adopt_due] * ('stored' in states)
        if not db.entered: acts = [enter]
        elif not db.sealed: acts += [put_part] * 2
        else:
            is_closed = any(part.state == 'closed' for part in db.parts.values())
            acts += stage + [put_part] * 2 * (is_closed or 0 in db.rows.values())
            acts += [remove] * 2 * bool(w.disk.files or w.disk.aside)
            acts += [success] * (len(db.success) < w.hour - 1) + [prune] * (w.rng.random() < .05)
        if w.is_('publish-before-read'): acts += [enter, put_part, *stage]
        if not acts: continue
        act = acts[int(w.rng.random() * len(acts))]
        if act is publish:
            job = w.rng.choice(ready)
            job.state, job.claim, me.job = 'claimed', job.claim + 1, job.id
            act = publish if job.kind == 'publish' else withdraw
            yield from act(w, me, copy.copy(job))
            me.job = ''
        else: yield from act(w, me)

if __name__ == '__main__':
    import publish_play
    publish_play.main()
