#!/usr/bin/env python3
"""The world of publish.py: the server, what goes wrong, what people do, and what must be true."""
import argparse, copy, itertools, random, sys, time
from collections import Counter
from publish import (DAY, FILES, Record, State, Violation, add_job, is_put, job_of, key_of, ours,
                     paths, violated, worker)

MUTANTS = {
    'no-condition': 'PUT without If-None-Match',
    'metadata-not-compared': 'after 412 what lies there is taken for ours',
    'line-before-objects': 'the line joins a part before all objects are there',
    'join-closed': 'a line joins a part that is closed',
    'no-ledger': 'step 5 does not ask whether the content was withdrawn meanwhile',
    'no-fence': 'a settlement is matched by the job alone',
    'upload-not-recorded': 'the upload id is not written',
    'digest-not-compared': 'an upload is completed whatever was read',
    'no-read': 'what stands in an unknown part is not taken in',
    'publish-before-read': 'the stage goes on before the parts in the bucket were read',
    'remove-by-path': 'the local file is removed by its path, without rename and comparison',
    'remove-before-head': 'the local file is removed without HEAD',
    'put-back-replaces': 'a local file that is put back replaces what came to its name meanwhile',
    'local-correction-last': 'a withdrawal writes the local correction after it has deleted',
    'withdraw-no-wait': 'a withdrawal does not wait for the publication of its content',
    'delete-before-correction': 'a withdrawal deletes before its correction is put',
    'delete-without-if-match': 'a withdrawal deletes whatever lies at the key',
    'no-marker': 'the marker of the prefix is not read',
    'sweep-all': 'the sweep of uploads does not skip the ids in rows',
    'sweep-own-clock': 'the sweep takes the time of this machine',
    'page-ulid': 'a part has a random name, and not the next number',
    'page-any-order': 'page-ulid, and parts are put in any order',
    'page-no-seal': 'a start reads the parts, and goes on without a part of its own',
    'page-withdrawn-line': 'a line is put though its content was withdrawn meanwhile',
    'page-unknown': 'a line in the bucket that is not known here is left out',
    'page-from-scratch': 'a state from scratch takes files before the bucket was read',
    'page-goes-on': 'a job goes on though a part in the bucket has its line',
    'page-success': '_SUCCESS asks only for what is due',
    'page-remove': 'the local file may go before the part with its line is put',
    'page-prune': 'a record may be pruned before its line is put',
    'page-held': 'a publication that is held stays held when its content is withdrawn',
    'page-no-row': 'a withdrawal asks the bucket only where there is a publication',
    'page-withdrawals': 'a rebuilt state does not begin the withdrawals of its corrections again',
    'page-delete-once': 'a withdrawal deletes the etag or version of its row, and no other',
    'page-delete-first': 'a withdrawal deletes the objects, then takes the local file',
    'page-parts-listed': 'a part that ListParts names is not compared with the file',
    'page-409': 'an upload whose Complete was answered by 409 is completed again',
    'page-upload-stays': 'the row of a published file keeps its upload id',
    'page-create': 'a large file is sent without asking whether its object is there',
    'page-foreign-marker': 'a prefix that is not empty is taken where its marker is gone',
}
FAULTS = ('arrive ' * 5 + 'kill ' * 5 + 'late ' * 6 + 'withdraw backup restart ' * 3
          + 'zombie edit restore squat retry allow lost older unnoticed hour back ' * 2
          + 'away day spoil vanish take machine expire clone').split()
# Rare: played with these faults alone, with large files and more late requests. They are caught
# for what they are: with these faults, and every rule, nothing is violated.
ONLY = {
    'put-back-replaces': 'edit kill',
    'delete-without-if-match': 'arrive spoil withdraw', 'page-held': 'squat withdraw',
    'page-no-seal': 'arrive arrive late machine withdraw', 'page-create': 'lost older backup'}
IN_ORDER = {
    'withdraw-no-wait': 'withdraw',
    'page-delete-first': 'zombie zombie zombie zombie withdraw',
    'page-withdrawn-line': 'away backup lost back withdraw older',
    'page-delete-once': 'away lost back late late late late late late withdraw'}

# -- the bucket -----------------------------------------------------------------------------------

class Bucket:
    """Each method is one request, atomic: its code and its answer. A body is its own SHA-256."""
    def __init__(self, w):
        self.w, self.objects, self.uploads, self.changes = w, {}, {}, 0
        self.versioned, self.completes_always = w.rng.random() < .3, w.rng.random() < .3

    def store(self, who, key, body, meta, etag):
        there, self.changes = self.objects.get(key), self.changes + 1
        violated(there and key.startswith('parts'), f'{key} is put twice')
        violated(there and there[-1].who == 'stranger', f'{key} of a stranger is overwritten')
        violated(self.w.owner not in (None, who.id), f'{who.id} writes below a foreign prefix')
        version = Record(body=body, meta=meta, etag=etag, version=next(self.w.ids), who=who.id,
                         late=self.w.is_late or who.zombie)
        self.objects[key] = (there or [] if self.versioned else []) + [version]
        return 200, (etag, version.version)

    def put(self, who, key, body, meta, sha, condition=True):
        if body != sha: return 'BadDigest', None
        if condition and key in self.objects: return 412, None
        return self.store(who, key, body, meta, body)

    def create(self, who, key, meta):
        number = f'U{next(self.w.ids)}'
        self.uploads[number] = Record(key=key, meta=meta, parts={}, at=self.w.now, broken=False)
        return 200, number

    def part(self, who, number, n, piece):
        if number not in self.uploads: return 'NoSuchUpload', None
        self.uploads[number].parts[n] = piece
        return 200, None

    def list_parts(self, who, number):
        if number not in self.uploads: return 'NoSuchUpload', None
        return 200, dict(self.uploads[number].parts)

    def complete(self, who, number, pieces):
        upload = self.uploads.get(number)
        if not upload: return self.w.rng.choice(['NoSuchUpload', 500]), None  # 500: radosgw
        if upload.broken or self.w.maybe(.05):
            upload.broken = True  # S3 wants a new upload after 409
            return 409, None
        if upload.key in self.objects and not self.completes_always: return 412, None
        if {n: upload.parts.get(n) for n in pieces} != pieces: return 'InvalidPart', None
        if upload.key in self.objects and self.objects[upload.key][-1].who == 'stranger':
            return 500, None  # accepted: a server without the condition would overwrite it
        del self.uploads[number]
        pieces = [pieces[n] for n in sorted(pieces)]
        return self.store(who, upload.key, ''.join(pieces), upload.meta, '|'.join(pieces))

    def abort(self, who, number):
        self.uploads.pop(number, None)
        return 200, None

    def head(self, who, key):
        if key in self.objects: return 200, self.objects[key][-1]
        self.w.absent[key] = next(self.w.ids)
        return 404, None

    get = head

    def delete(self, who, key, etag, version):
        """By version id where there are versions, else by If-Match. Without both: the newest."""
        there = self.objects.get(key)
        if not there: return 404, None
        gone = [one for one in there if version in (None, one.version)] if self.versioned else \
               [one for one in there if etag in (None, one.etag)]
        if not gone: return 412, None
        violated(gone[-1].who == 'stranger', f'{key} of a stranger is deleted')
        self.changes += 1
        there.remove(gone[-1])
        if not there:
            del self.objects[key]
            self.w.absent[key] = next(self.w.ids)
        return 200, None

    def list(self, who, prefix): return 200, [key for key in self.objects if key.startswith(prefix)]
    def list_uploads(self, who): return 200, {n: upload.at for n, upload in self.uploads.items()}

# -- the world ------------------------------------------------------------------------------------

def Disk():
    """`lines`, `corrections`: of the local manifests. `aside`: the folders of step 6."""
    return Record(work={}, files={}, aside={}, failed={}, lines={}, corrections=set())

class World:
    def __init__(self, rng, mutant):
        self.rng, self.mutant, self.ids, self.now, self.hour = rng, mutant, itertools.count(1), 0, 1
        self.lateness = .2 if mutant in {**ONLY, **IN_ORDER} else .04
        self.calm = self.away = self.is_late = False
        self.bucket, self.db, self.disk, self.backup = Bucket(self), State('S1'), Disk(), None
        self.late, self.living, self.zombies = [], {}, []
        self.keep_local, self.skew = rng.random() < .7, rng.choice([0, 2 * DAY])
        self.part_size, self.owner = 1, None
        if mutant == 'page-delete-once': self.bucket.completes_always = True
        # What only an observer knows:
        self.allowed, self.touched, self.taken, self.removed = set(), set(), set(), set()
        self.edits, self.lost, self.hours, self.forgotten = set(), set(), set(), set()
        self.no_line, self.absent, self.withdrawn = set(), {}, {}
        self.trace, self.seen = [], Counter()

    def is_(self, *mutants): return self.mutant in mutants
    def is_ulid(self): return self.is_('page-ulid', 'page-any-order')
    def maybe(self, p): return not self.calm and self.rng.random() < p
    def content(self, id): return next(c for c in self.db.contents.values() if c.id == id)

    def fact_of(self, id):
        content = self.content(id)
        return content.text, content.generation, content.hour

    def insert(self, text, generation, hour, id, state):
        row = next(self.ids)
        self.db.contents[row] = Record(row=row, text=text, generation=generation, hour=hour, id=id,
                                       state=state)
        return self.db.contents[row]

    def newest(self, text):
        return max((c for c in self.db.contents.values() if c.text == text),
                   key=lambda c: c.generation, default=None)

    def move(self, _, me):
        """The stage before this one."""
        yield 'which file is to move?'
        for content in [c for c in self.db.contents.values() if c.state == 'manifested']:
            for path in paths(content).values():
                yield f'move {path}'
                if path in self.disk.work: self.disk.files[path] = self.disk.work.pop(path)
            yield 'stored'
            if content.state == 'manifested': content.state = 'stored'

    def unlink(self, folder, path, key):
        if path not in folder: return
        body, there = folder.pop(path), self.bucket.objects.get(key)
        self.removed.add(path)
        is_there = there and there[-1].body == body and there[-1].who != 'stranger'
        came_after_head = key in self.touched and not self.is_('remove-before-head')
        violated(body in self.edits or not is_there and not came_after_head,
                 f'the local {path} is gone, and {body} is not in the bucket')

    def check_begun(self, me, key):
        again = [n for n, u in self.bucket.uploads.items()
                 if u.key == key and u.parts and n not in self.forgotten]
        violated(again and not me.zombie, f'{again} has parts, and is begun again')

# -- processes and states -------------------------------------------------------------------------

def start(w):
    me = Record(number=next(w.ids), id=w.db.id, job='', zombie=False)
    me.steps = worker(w, me)
    w.living[me.number] = me

def die(w, me):
    del w.living[me.number]
    job = w.db.jobs.get(me.job)
    if job and job.state == 'claimed': job.state = 'ready'
    start(w)

def restart(w, db=None):
    """All processes end. With `db` another state is in place."""
    w.living, w.zombies, w.part_size = {}, [], w.rng.choice([1, 2])
    if db:
        w.db = db
        w.forgotten.update(w.bucket.uploads)
        w.no_line.clear()
    w.db.entered = w.db.sealed = False
    for job in w.db.jobs.values():
        if job.state == 'claimed': job.state = 'ready'
    start(w), start(w)

def rebuild(w, db):
    """From what is on the disk. What is in the bucket comes with `learn`."""
    restart(w, db)
    known = {c.id: c for c in db.contents.values()}
    for id, fact in w.disk.lines.items():
        content = known.get(id) or w.insert(*fact, id, 'unconfirmed')
        if id in w.disk.corrections: content.state = 'withdrawn'
        elif content.state in ('manifested', 'unconfirmed'):
            there = [path in w.disk.files for path in paths(content).values()]
            is_moving = any(path in w.disk.work for path in paths(content).values())
            content.state = 'stored' if all(there) or is_put(db, 'line', content) else \
                'manifested' if is_moving else 'unconfirmed'
        if content.state == 'withdrawn' and not w.is_('page-withdrawals') \
                and not job_of(db, 'withdraw', content): add_job(w, 'withdraw', content)
    if w.is_ulid():  # the page drops the parts that are not put; with numbers they may stay
        db.parts = {n: part for n, part in db.parts.items() if part.state == 'put'}
        db.rows = {row: n if n in db.parts else 0 for row, n in db.rows.items()}

# -- what goes wrong, and what people do ----------------------------------------------------------

def arrive(w, text):
    """A file comes; its line is planned and on the disk."""
    known = w.newest(text)
    if known and (known.state == 'manifested' or w.db.allowed.get(text, 1) <= known.generation):
        return
    if w.db.waits and not w.is_('page-from-scratch'): return  # the bucket is read first
    generation = known.generation + 1 if known else 1
    content = w.insert(text, generation, w.hour, f'I{next(w.ids)}', 'manifested')
    w.disk.lines[content.id] = (text, generation, w.hour)
    for suffix, path in paths(content).items(): w.disk.work[path] = FILES[text][suffix]

def deliver(w):
    what, send = w.late.pop(w.rng.randrange(len(w.late)))
    w.is_late = True
    w.trace.append(f'          comes late: {what}: {send()[0]}')
    w.is_late = False

def restore(w):
    """Who edited local files takes that back."""
    for path, body in list(w.disk.files.items()):
        if body not in w.edits: continue
        w.edits.remove(body)
        del w.disk.files[path]
        for content in w.db.contents.values():
            for suffix in [s for s, its in paths(content).items() if its == path]:
                if path not in w.disk.aside: w.disk.files[path] = FILES[content.text][suffix]

def retry(w):
    for job in w.db.jobs.values():
        if job.state == 'held': job.state = 'ready'

def withdraw(w, content):
    content.state, w.withdrawn[content.id] = 'withdrawn', next(w.ids)
    add_job(w, 'withdraw', content)
    if w.db.sealed and ('line', content.id) not in w.db.rows: w.no_line.add(content.id)
    job = job_of(w.db, 'publish', content)
    if job and job.state == 'held' and not w.is_('page-held'): job.state = 'ready'

def of_stranger(w):
    return Record(body='?', meta=None, etag='?', version=next(w.ids), who='stranger', late=False)

def clone(w):
    """A second state with the same prefix."""
    there, its = w.bucket.objects.get('marker'), Record(id='S2', zombie=False)
    if there and not w.is_('no-marker') or not there and not w.is_('page-foreign-marker'): return
    w.bucket.put(its, 'parts/0' if there else 'marker', (), None, ())

def fault(w, kind):
    some = lambda of: w.rng.choice(sorted(of, key=str)) if of else None
    contents, files, objects = w.db.contents, w.disk.files, w.bucket.objects
    content, path = contents.get(some(contents)), some(files)
    busy = [number for number, me in w.living.items() if me.job]
    key = key_of(content, some(paths(content))) if content else ''
    if kind == 'arrive': arrive(w, some(FILES if w.lateness < .1 else ['LMNO']))
    elif kind == 'kill': die(w, w.living[some(busy or w.living)])
    elif kind == 'zombie':  # it is taken for dead, and goes on
        me = w.living[some(w.living)]
        me.zombie = True
        w.zombies.append(me), die(w, me)
    elif kind == 'late' and w.late: deliver(w)
    elif kind in ('away', 'back'): w.away = kind == 'away'
    elif kind == 'hour': w.hour += 1
    elif kind == 'day': w.now += DAY
    elif kind == 'edit' and (path := some(w.disk.aside) or path):
        w.edits.discard(files.get(path))
        w.edits.add(text := f'E{next(w.ids)}')
        files[path] = text
    elif kind == 'restore': restore(w)
    elif kind == 'take' and path:
        w.taken.add(path), w.edits.discard(files.pop(path))
    elif kind == 'squat' and key and content.state in ('manifested', 'stored'):
        objects.setdefault(key, [of_stranger(w)])
    elif kind in ('spoil', 'vanish') and key in objects:
        w.touched.add(key)
        w.bucket.changes += 1
        kept = objects[key] if kind == 'spoil' and w.bucket.versioned else []
        objects[key] = [*kept, of_stranger(w)]
        if kind == 'vanish': del objects[key]
    elif kind == 'retry': retry(w)
    elif kind == 'withdraw' and content and content.state == 'stored': withdraw(w, content)
    elif kind == 'allow' and content and (content := w.newest(content.text)).state != 'manifested':
        w.db.allowed[content.text] = content.generation + 1
        w.allowed.add((content.text, content.generation + 1))
    elif kind == 'restart': restart(w)
    elif kind == 'backup': w.backup = copy.deepcopy(w.db)
    elif kind == 'lost': rebuild(w, State(w.db.id, from_scratch=True))
    elif kind == 'older' and w.backup: rebuild(w, copy.deepcopy(w.backup))
    elif kind == 'unnoticed' and w.backup:  # nobody rebuilds it: it knows all that is on the disk
        known = {c.id: c.state for c in w.backup.contents.values()}
        corrected = all(known.get(id) == 'withdrawn' for id in w.disk.corrections)
        if corrected and set(w.disk.lines) <= set(known): restart(w, copy.deepcopy(w.backup))
    elif kind == 'machine':
        w.lost.update(w.disk.lines)
        w.edits.clear()
        w.disk, w.backup = Disk(), None
        rebuild(w, State(w.db.id, from_scratch=True))
    elif kind == 'expire': objects.pop('marker', None)
    elif kind == 'clone' and w.owner and objects: clone(w)
    else: return
    w.seen[f'- {kind}'] += 1

# -- what holds -----------------------------------------------------------------------------------

def visible(w):
    """The rows of all parts, in the order in which readers could see them."""
    return [(kind, id, fact, key) for key, versions in w.bucket.objects.items()
            if key.startswith('parts/') for kind, id, fact in versions[-1].body]

def check(w):
    """After each change of the bucket."""
    seen, ways, lines = {}, set(), {}
    for kind, id, fact, key in visible(w):
        (text, generation, hour), before = fact, seen.get((kind, id))
        violated(before, f'the {kind} of {id} stands in {before} and {key}')
        seen[kind, id] = key
        if kind == 'correction':
            violated(id not in lines, f'{id} is corrected before its line')
            continue
        lines[id] = text
        violated((text, generation) in ways, f'{text}, generation {generation}, has two lines')
        violated(generation > 1 and (text, generation) not in w.allowed, f'{id} was not allowed')
        violated(id in w.no_line, f'{id} was withdrawn before its line, and has one')
        ways.add((text, generation))
    for id, text in lines.items():
        for suffix, body in FILES[text].items():
            there = w.bucket.objects.get(key := f'obj/{id}{suffix}')
            violated(('correction', id) not in seen and key not in w.touched
                     and (not there or there[-1].body != body),
                     f'the line of {id} is there, and {key} is not')
    for key in [key for key in w.bucket.objects if key.startswith('success/')]:
        if key in w.hours: continue
        w.hours.add(key)
        left = [c.id for c in w.db.contents.values() if f'success/{c.hour}' == key
                and c.state in ('manifested', 'stored') and c.id not in lines
                and not w.taken.intersection(paths(c).values())]
        violated(left, f'{key} is there, and not the lines of {left}')

def check_end(w):
    """When nothing is left to do."""
    seen, db = {row[:2] for row in visible(w)}, w.db
    held = {file.upload for job in db.jobs.values() if job.state == 'held'
            for file in db.pubs[job.content].files.values()}
    wrong = [f'{number} is left' for number, upload in w.bucket.uploads.items()
             if number not in held and upload.key not in w.touched]
    wrong += [f'{path} is left aside' for path in w.disk.aside if path not in w.disk.files]
    wrong += [f'{text} is lost' for text in w.edits
              if text not in (*w.disk.files.values(), *w.disk.aside.values())]
    known = {content.id for content in db.contents.values()}
    wrong += [f'{id} is not known' for id in w.disk.lines if id not in known]
    for (kind, id), n in db.rows.items():
        if not is_put(db, kind, w.content(id)): wrong.append(f'the {kind} of {id} is in no part')
    for content in db.contents.values():
        keys = [key_of(content, suffix) for suffix in paths(content)]
        if not w.touched.intersection(keys): wrong += end_of(w, content, keys, seen)
    if wrong: raise Violation('; '.join(wrong))

def end_of(w, content, keys, seen):
    wrong, has_line = [], ('line', content.id) in seen
    taken = w.taken.intersection(paths(content).values())
    objects = [w.bucket.objects.get(key, []) for key in keys]
    job = job_of(w.db, 'publish', content) or job_of(w.db, 'withdraw', content)
    if job and (job.why, content.state) == ('local_file_missing', 'stored') and taken: return []
    if job: wrong.append(f'{job} never ends')
    if content.state in ('stored', 'pruned'):
        # Where Complete has no condition, a late one leaves a second version with the same bytes.
        if w.bucket.completes_always:
            objects = [there[:1] if any(o.late for o in there) else there for there in objects]
        right = [[ours(content, suffix)] for suffix in paths(content)]
        if [[o.meta for o in there] for there in objects] != right \
                or any(o.body != o.meta[2] for there in objects for o in there):
            wrong.append(f'{content} has not each object once: {objects}')
        if not has_line: wrong.append(f'{content} has no line')
    elif content.state == 'withdrawn':
        # A late request of a dead claim can bring one back: after it was seen that it is gone.
        for key, there in zip(keys, objects):
            was_gone = w.absent.get(key, 0) > w.withdrawn.get(content.id, 0)
            if any(o.who != 'stranger' and not (o.late and was_gone) for o in there):
                wrong.append(f'{content} is withdrawn, and has {key}')
        if has_line and ('correction', content.id) not in seen:
            wrong.append(f'{content} has no correction')
        places = w.disk.failed, w.disk.files, w.disk.aside, w.removed, w.taken
        wrong += [f'{path} is not in failed/' for path in paths(content).values()
                  if content.id not in w.lost and not any(path in place for place in places)]
    elif content.state == 'manifested' or not taken and content.id not in w.lost:
        wrong.append(f'{content} is left')
    return wrong

# -- the play -------------------------------------------------------------------------------------

def step(w, zombies):
    some = w.zombies if w.zombies and w.rng.random() < zombies else list(w.living.values())
    me, before = some[int(w.rng.random() * len(some))], w.bucket.changes
    w.now += 1
    try: w.trace.append(f'{w.now:5} {me.number:>3} {me.job:4} {next(me.steps)}')
    except StopIteration: w.zombies.remove(me)
    if w.bucket.changes != before: check(w)

def heal(w):
    """Everything heals, and nothing more happens."""
    w.calm, w.away, before, same = True, False, None, 0
    for n in range(120):
        w.db.prefix = 'ours'  # somebody says so
        retry(w), restore(w)
        for content in w.db.contents.values():
            for key in [key_of(content, suffix) for suffix in paths(content)]:
                there = w.bucket.objects.get(key)
                if there and content.state == 'stored' and key not in w.touched \
                        and there[-1].who == 'stranger': del w.bucket.objects[key]
        if w.late: deliver(w), check(w)
        for _ in range(40): step(w, .1)
        if n % 2 == 0: w.now += DAY
        now = str([w.db.jobs, w.db.rows, w.disk, len(w.bucket.uploads), w.bucket.changes,
                   [content.state for content in w.db.contents.values()]])
        same = same + 1 if now == before and not w.late else 0
        before = now
        if same == 4: break

def play(rng, mutant=''):
    """Plays one schedule. Returns the world, and what was violated or None."""
    w, often = World(rng, mutant), rng.choice([.02, .04, .1])
    kinds = ONLY[mutant].split() if mutant in ONLY else FAULTS
    faults = ['arrive', *rng.choices(kinds, k=rng.randint(6, 24))]
    if mutant in IN_ORDER: faults = ['arrive', *IN_ORDER[mutant].split()]
    try:
        restart(w)
        while faults:
            if rng.random() >= often: step(w, .05)
            else:
                w.trace.append(f'        ! {faults[0]}')
                fault(w, faults.pop(0)), check(w)
        heal(w), check_end(w)
    except Violation as violation: return w, str(violation)
    return w, None

def run(schedules, seed, mutant=''):
    """Returns the number of schedules, what was exercised, and the first violation."""
    seen = Counter()
    for n in range(schedules):
        w, violation = play(random.Random(f'{seed}/{n}'), mutant)
        seen += w.seen
        if violation: return n + 1, seen, (w, violation)
    return schedules, seen, None

def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument('--schedules', type=int, default=10_000)
    options.add_argument('--seed', default='1')
    options.add_argument('--mutant', choices=MUTANTS, default='')
    options.add_argument('--mutants', action='store_true', help='play each until it is caught')
    given, began = options.parse_args(), time.time()
    if given.mutants:
        missed = 0
        for name, what in MUTANTS.items():
            n, _, found = run(given.schedules, given.seed, name)
            missed += not found
            print(f'{name:24} {"caught after" if found else "NOT CAUGHT IN":13} {n:6}  {what}',
                  flush=True)
        sys.exit(missed > 0)
    n, seen, found = run(given.schedules, given.seed, given.mutant)
    if found:
        dull = ' next', '?', 'close a part', 'upload ids in rows', 'list_uploads', 'answer 200'
        w, violation = found
        print(*(line for line in w.trace if not any(one in line for one in dull)),
              *w.db.jobs.values(), *w.db.contents.values(), f'VIOLATED: {violation}', sep='\n')
    print(f'{n} schedules, {time.time() - began:.0f} s: '
          + ', '.join(f'{what} {times}' for what, times in sorted(seen.items())))
    sys.exit(found is not None)

if __name__ == '__main__': main()
