"""
The shared ledger as a program that plays its faults: several hosts store each content once, through one PostgreSQL.

Why: an earlier model took the row of a forgotten host over inside the statement that inserts. It reads `hosts` there, and
PostgreSQL shows a statement that waited the other tables as they were when it began. So the product reads such a row, deletes it
by key, host and `asked` in a statement of its own, and asks or tells again. This model does the same, and its statements wait.

A `yield` stands between two atomic steps: a statement, a commit of a state, an act on the disk. At any one a process may be
killed or sleep; a statement may get lost before or after it is done. A mutant is this text with one sentence changed.
Not played: times of several clocks; more than one feed; deadlocks. Each retry reads everything again, as the product does.

    python3 docs/models/shared_ledger.py [--seed N] [--schedules N] [--mutant NAME | --mutants]
"""
import argparse, copy, random, sys, types
from dataclasses import dataclass, field

SILENT, HOUR, PAGE, JOINING = 4, 12, 2, -1     # ticks; rows in a page; the cursor of a join that was not finished
OPEN, ENDED = ('carried', 'manifested'), ('stored', 'withdrawn')
class Violation(Exception): pass
class Refused(Exception): pass                 # this process asks no more, and says why
class Lost(Exception): pass                    # no answer: everything is read again

@dataclass
class HostRow: name: str; place: str = None; revision: int = 0; seq: int = 0; seen: int = 0
@dataclass
class Row: host: int; state: str; asked: int = 0            # carried, stored or withdrawn; asked: the number of its question
@dataclass
class Postgres:
    hosts: dict = field(default_factory=dict)
    contents: dict = field(default_factory=dict)            # (content, generation) -> Row
    conflicts: set = field(default_factory=set)             # (content, generation, host): stored at that host too
    def copied(self):
        return Postgres(*({k: copy.copy(r) for k, r in of.items()} for of in (self.hosts, self.contents)), set(self.conflicts))
@dataclass
class Content: n: int; state: str; job: int = 0; told: int = 1; asked: int = -1; at: int = 0   # also: elsewhere
@dataclass
class Job: id: int; content: str; arrived: int; stage: str = 'hash'; held: bool = False; waits: bool = False; end: str = None
@dataclass
class State:
    id: int; name: str = None; places: tuple = ()           # where it entered last, or just tries to
    revision: int = 0; seq: int = 0; since: int = 0; cursor: int = None; rows: int = 0
    contents: dict = field(default_factory=dict); jobs: dict = field(default_factory=dict); permits: set = field(default_factory=set)
    def newest(self, c): return max((g for x, g in self.contents if x == c), default=0)
    def permit(self, c): return max((g for x, g in self.permits if x == c), default=0)
    def open_of(self, job): return next((k for k, r in self.contents.items() if r.job == job.id and r.state in OPEN), None)
    def ends(self): return {k for k, r in self.contents.items() if r.state in ENDED}
    def add(self, key, **row): self.rows += 1; self.contents[key] = Content(self.rows, **row)
    def wake(self, c): [setattr(job, 'waits', False) for job in self.jobs.values() if job.content == c]
    def number(self, old, new): self.contents[new] = self.contents.pop(old)
class Machine:
    def __init__(self, name, *parts):
        self.name, self.boot, self.is_old = name, 1, False
        # What is stored; files without an end: (content, arrival); lines: key -> job.
        self.state, self.disk, self.files, self.lines = parts
    @property
    def place(self): return f'{self.name}/{self.boot}'
class Process:
    def __init__(self, w, m, what, *args):
        self.w, self.m, self.asleep, self.greeted, self.refused, self.claims = w, m, 0, False, None, set()
        self.verb, self.steps = what is not worker and what.__name__, what(self, *args)
    def note(self, text): self.w.log.append(f'{self.w.now:4} {self.m.name} {self.verb or "worker"} {text}')

# ---------------------------------------------------------------------------------------- statements, and who may send them
def statement(p, body, number=None):
    """A writing statement after its fence. `body` gets the rows that it takes as they are, `seen` as they were when it began."""
    w, m, st = p.w, p.m, p.m.state
    me, place, revision, since, line = st.id, m.place, st.revision, st.since, w.restores      # read just before each attempt
    number = number or st.seq
    waits = w.random.choice((0, 0, 0, 1, 1, 1, 1, 40))                                         # for rows of other hosts
    seen = w.pg.copied() if waits else w.pg
    for _ in range(max(1, waits)): yield
    if line != w.restores: raise Lost
    if w.chance('lost_before', .04): raise Lost
    row = w.pg.hosts.get(me)
    if row and row.place == place and row.revision >= revision:
        if row.place != m.place: raise Violation('a copy that is shut out has written')
        row.revision, row.seq, row.seen = w.stamp(row.revision), max(row.seq, number), w.now
        answer, revision, seq = body(w.pg, seen, me), row.revision, row.seq
        if w.chance('lost_after', .04): raise Lost
        yield                                                          # the answer is on its way
        if line != w.restores and st.since == since and body.__name__ != 'insert': raise Lost
        if seq <= st.seq: return answer, revision                      # else this state is older than what it has said
    p.greeted = False
    raise Lost

def greet(p):
    """At the start of a process, and where the fence let nothing in."""
    w, m, st = p.w, p.m, p.m.state
    while True:
        revision, since, places = st.revision, st.since, st.places     # read before the row
        yield
        row = copy.copy(w.pg.hosts.get(st.id))
        yield                                                          # one commit; seq is read after the row
        if st.name is None or st.cursor == JOINING: raise Refused('join')
        if row is None or row.place is None: raise Refused('forgotten')
        if row.seq > st.seq:
            if not m.is_old: raise Violation('the newest state is called an older one')
            raise Refused('older')
        behind = row.revision < revision
        if behind and not w.restores: raise Violation('a restore is reported that never was')
        if behind and st.since == since:                               # of several workers, one
            st.since = st.seq = st.seq + 1
            st.cursor = 0
            p.note('finds PostgreSQL older')
        if row.place == m.place and not behind: break
        if row.place not in (*places, m.place) and not behind:         # the place of an older PostgreSQL is of then, too
            if not m.is_old: raise Violation('the only copy is called replaced')
            raise Refused('replaced')
        begun = w.now
        while row.place != m.place and w.now < begun + SILENT: yield   # it watches
        if st.revision != revision: continue
        st.places, line = (*places, row.place, m.place), w.restores    # one commit, before it enters
        yield
        if line == w.restores and (row := enter(p, st.id, row, revision)): break
    yield
    st.places, st.revision, p.greeted = (m.place,), max(st.revision, row.revision), True

def enter(p, me, found, revision):
    """One statement, if the row is still as it was found; the revision rises above the state's."""
    w, row = p.w, p.w.pg.hosts.get(me)
    if row != found: return None
    row.place, row.seen, row.revision, row.seq = p.m.place, w.now, w.stamp(max(row.revision, revision)), max(row.seq, p.m.state.seq)
    p.note(f'enters as {row.name}')
    return copy.copy(row)

def delete(there):
    """Rows that are carried as they were read: by that host, for that question."""
    def body(pg, seen, me):
        for k, (host, asked) in there.items():
            row = k in seen.contents and pg.contents.get(k)
            if row and row.state == 'carried' and row.host == host and row.asked == asked: del pg.contents[k]
    return body

def free(pg, keys):
    """One SELECT: carried by a host that was forgotten."""
    found = {k: r for k in keys if (r := pg.contents.get(k)) and r.state == 'carried' and pg.hosts[r.host].place is None}
    return {k: (r.host, r.asked) for k, r in found.items()}

# ---------------------------------------------------------------------------------------- the stages
def claim(p, stage, most=1):
    jobs = [j for j in p.m.state.jobs.values() if j.stage == stage and p.w.is_free(p.m, j)]
    jobs = p.w.random.sample(jobs, min(most, len(jobs)))
    p.claims = {j.id for j in jobs}
    return jobs

def hash(p):
    st = p.m.state
    for job in claim(p, 'hash'):
        yield
        c, key = job.content, (job.content, st.newest(job.content))
        row = st.contents.get(key)
        if row is None: st.add((c, 1), state='carried', job=job.id); job.stage = 'share'
        elif row.state in OPEN: job.waits = True                       # a twin
        elif st.permit(c) > key[1]: st.add((c, st.permit(c)), state='carried', job=job.id); job.stage = 'share'
        elif row.state == 'elsewhere' and job.arrived > row.at:        # a later file asks itself
            row.state, row.job, row.asked, job.stage = 'carried', job.id, -1, 'share'
        else: duplicate(p, job, key)

def duplicate(p, job, key):
    p.note(f'file {job.id} is a duplicate of {key}')
    p.w.check_duplicate(job, key)
    job.end = 'duplicate'
    p.m.files.pop(job.id, None)

def share(p):
    w, st = p.w, p.m.state
    if st.cursor is not None: return                                   # asking waits until everything was told again
    jobs = claim(p, 'share', most=2)
    yield                                                              # one commit, before anything is sent
    since, line, asked = st.since, w.restores, {job.id: st.open_of(job) for job in jobs}
    seq = st.seq = st.seq + 1

    def insert(pg, seen, me):
        ours = set()
        for key in sorted(asked.values()):
            if any(c == key[0] and g > key[1] for c, g in seen.contents): continue
            row = pg.contents.setdefault(key, Row(me, 'carried'))
            if row.host == me and row.state == 'carried': row.asked = seq; ours.add(key)      # new, or asked before
        return ours
    ours, revision = yield from statement(p, insert)
    found, read_at = {}, w.now                                         # one SELECT of the newest generations
    for c in {job.content for job in jobs if asked[job.id] not in ours}:
        g = max((g for x, g in w.pg.contents if x == c), default=0)
        found[c] = g, copy.copy(w.pg.contents.get((c, g)))
    if gone := free(w.pg, [(c, g) for c, (g, _) in found.items()]): _, revision = yield from statement(p, delete(gone))
    yield                                                              # one commit
    for key in ours: (w.unsure.add if line != w.restores and st.since == since else w.unsure.discard)((st.id, key))
    st.revision = max(st.revision, revision)
    for job in jobs:
        c, key = job.content, asked[job.id]
        row, (g, other) = st.contents[key], found.get(c, (0, None))
        if key in ours: row.asked, job.stage = seq, 'manifest'
        elif other is None or g < key[1] or (c, g) in gone: pass       # the row went away: ask again
        elif other.state == 'carried' and other.host == st.id: st.number(key, (c, g))      # and ask again, by that number
        elif other.state == 'carried': pass                            # carried elsewhere: later
        elif st.permit(c) > g: st.number(key, (c, st.permit(c)))
        else:
            st.number(key, (c, g))
            row.state, row.at = 'elsewhere', read_at
            duplicate(p, job, (c, g)); st.wake(c)

def manifest(p):
    """The planning transaction. A content that was asked for before `since` is shared again."""
    m, st = p.m, p.m.state
    for job in claim(p, 'manifest'):
        yield
        key = st.open_of(job)
        if st.contents[key].asked < st.since: job.stage = 'share'
        else:
            p.w.check_planned(p, key)
            st.contents[key].state, m.lines[key], job.stage = 'manifested', job.id, 'move'

def move(p):
    m, st = p.m, p.m.state
    for job in claim(p, 'move'):
        key = st.open_of(job)
        yield
        m.disk.setdefault(key, 'stored'); m.files.pop(job.id, None)    # the rename
        yield
        row = st.contents[key]
        row.state, row.told, job.end = 'stored', 0, 'stored'
        st.wake(job.content); p.note(f'has stored {key}')

# ---------------------------------------------------------------------------------------- the rounds of the workers
def tell(p):
    """A page of what PostgreSQL was not told; while there is a cursor, of everything after it."""
    w, st = p.w, p.m.state
    yield
    cursor, since = st.cursor, st.since
    rows = sorted((r.n, k, r.state) for k, r in st.contents.items() if (not r.told if cursor is None else r.n > cursor))[:PAGE]
    after = rows[-1][0] if len(rows) == PAGE else None
    page, known, revision = [(k, state) for _, k, state in rows if state in ENDED], set(), 0
    if page:
        number = st.seq = st.seq + 1                                   # one commit, before it is sent
        known, revision = yield from statement(p, upsert(page, number), number)
        if rest := [one for one in page if one[0] not in known]:
            noted, revision = yield from statement(p, conflict(rest))
            known |= noted
            yield
            if gone := free(w.pg, [k for k, _ in rest if k not in known]): _, revision = yield from statement(p, delete(gone))
    if st.since != since: raise Lost                                   # everything was begun again meanwhile
    st.revision = max(st.revision, revision)
    for key, state in page:
        if (row := st.contents.get(key)) and row.state == state: row.told = int(key in known)
    if st.cursor == cursor is not None: st.cursor = after

def upsert(page, number):
    """Its own rows, whatever was said since. Other ones only with the newest number: a page that comes late may be overtaken."""
    def body(pg, seen, me):
        known, is_newest = set(), pg.hosts[me].seq <= number
        for key, state in page:
            if not is_newest and (key not in pg.contents or pg.contents[key].host != me): continue
            row = pg.contents.setdefault(key, Row(me, state))
            if row.host != me and not (row.state == 'withdrawn' and state == 'stored'): continue
            pg.contents[key].state = 'withdrawn' if row.host == me and row.state == 'withdrawn' else state    # never back
            row.host = me; known.add(key)
            if (*key, me) in seen.conflicts: pg.conflicts.discard((*key, me))
        return known
    return body

def conflict(rest):
    """What another host has, as the statement sees it. What it only carries is told again later."""
    def body(pg, seen, me):
        known = set()
        for key, state in rest:
            row = seen.contents.get(key)
            if row is None or row.host == me or row.state == 'carried' or state == 'stored' != row.state: continue
            (pg.conflicts.add if state == 'stored' else pg.conflicts.discard)((*key, me)); known.add(key)
        return known
    return body

def conflicts_again(p):
    """A level too: what is no conflict any more, there or here, is told again."""
    w, st = p.w, p.m.state
    yield
    there = [(c, g) for c, g, host in w.pg.conflicts if host == st.id]
    both = {k for k in there if (row := w.pg.contents.get(k)) and row.host != st.id and row.state == 'stored'}
    yield
    for key in st.ends().intersection(there):
        if key not in both or st.contents[key].state != 'stored': st.contents[key].told = 0

def give_up(p):
    """Carried rows of this host that nothing in its ledger explains; ends that are carried there are told again. There first, then here."""
    st = p.m.state
    yield
    there = {k: (r.host, r.asked) for k, r in p.w.pg.contents.items() if r.host == st.id and r.state == 'carried'}
    yield
    here = [k for k, r in st.contents.items() if r.state != 'elsewhere']
    for key in st.ends().intersection(there): st.contents[key].told = 0
    if left := {k: of for k, of in there.items() if k not in here}: yield from keep(p, delete(left))

def keep(p, body=lambda pg, seen, me: None):                           # with nothing to do: a sign of life
    _, revision = yield from statement(p, body)
    p.m.state.revision = max(p.m.state.revision, revision)

def worker(p):
    """Hashes, lines and moves go on whatever PostgreSQL says."""
    w, st = p.w, p.m.state
    while True:
        acts = [act for act in (hash, manifest, move) if any(j.stage == act.__name__ for j in st.jobs.values() if w.is_free(p.m, j))]
        if not p.greeted and not p.refused: acts += [greet]
        elif not p.refused:
            acts += [keep, give_up] + [share] * 2 * any(j.stage == 'share' for j in st.jobs.values() if w.is_free(p.m, j))
            acts += [tell] * 2 * (st.cursor is not None or not all(r.told for r in st.contents.values()))
            acts += [conflicts_again] * any(host == st.id for *_, host in w.pg.conflicts)
        try:
            if acts: yield from w.random.choice(acts)(p)
        except Lost: pass
        except Refused as why: p.refused = str(why); p.note(f'is refused: {why}')
        p.claims = set()
        yield

# ---------------------------------------------------------------------------------------- the verbs
def join(p, name, take_over=False):
    w, m, st = p.w, p.m, p.m.state
    if any(q.m is m and q is not p for q in w.processes): return       # another process works on the state
    before = (st.id, st.name, st.since, st.cursor, st.seq, st.revision, st.places)
    while True:
        yield
        me = st.id if st.name in (None, name) else w.new_id()          # another name is another host
        its, other = next(((host, row) for host, row in w.pg.hosts.items() if row.name == name), (me, None))
        if take_over and not st.name and other and (other.place is None or w.now - other.seen >= HOUR):
            me = its                                                   # it goes on as the host that is gone, or was thought to be
            for one in w.machines: one.is_old |= one.state.id == its
        found = copy.copy(w.pg.hosts.get(me))
        if its != me:
            st.id, st.name, st.since, st.cursor, st.seq, st.revision, st.places = before
            return p.note('is refused')                                # and has changed nothing
        yield                                                          # one commit, before it enters
        if me != st.id: st.revision = 0
        st.since = st.seq = max(st.seq, found.seq if found else 0) + 1
        st.id, st.name, st.cursor, st.places = me, name, JOINING, (m.place,)
        yield                                                          # it enters
        if w.pg.hosts.get(me) == found and all(row.name != name or host == me for host, row in w.pg.hosts.items()):
            row = w.pg.hosts.setdefault(me, HostRow(name))
            row.name = name
            if enter(p, me, copy.copy(row), st.revision): break
    there = [k for k, r in w.pg.contents.items() if r.host == me and r.state == 'stored']
    there += [(c, g) for c, g, host in w.pg.conflicts if host == me]
    unknown = [k for k in there if k not in st.ends()]
    yield

    def unsay(pg, seen, me):                                           # --yes
        for k in unknown:
            pg.conflicts.discard((*k, me))
            if k in pg.contents and pg.contents[k].host == me and pg.contents[k].state == 'stored':
                del pg.contents[k]; w.freed[k[0]] = w.now; p.note(f'frees {k}')
    while unknown:
        try: yield from keep(p, unsay); break
        except Lost:
            if w.pg.hosts[me].place != m.place: return                 # shut out meanwhile
    yield
    st.cursor = 0

def forget(p, name):
    """One statement. What the host carried is nobody's: who asks for it deletes it."""
    yield
    row = next((row for row in p.w.pg.hosts.values() if row.name == name), None)
    if row and p.w.now - row.seen >= HOUR: row.place, row.revision = None, p.w.stamp(row.revision); p.note(f'{name} is forgotten')

def withdraw(p, key):
    st = p.m.state
    yield
    if key in st.contents and st.contents[key].state == 'stored':
        p.m.disk[key] = st.contents[key].state = 'withdrawn'
        st.contents[key].told = 0; p.w.taken_out.add(key[0]); p.note(f'withdraws {key}')

def allow_again(p, c):
    yield
    key, row = max(((k, r) for k, r in p.w.pg.contents.items() if k[0] == c), key=lambda of: of[0], default=(None, None))
    yield
    if row and row.state in ENDED: p.m.state.permits.add((c, max(key[1], p.m.state.newest(c)) + 1)); p.note(f'permits {c} once more')

def discard(p, job):
    """A held file is given up. Its content goes to the oldest twin, else nobody carries it any more."""
    st = p.m.state
    yield
    if not job.held or (key := st.open_of(job)) in p.m.disk or key is None: return
    job.end, job.held = 'discarded', False
    p.m.files.pop(job.id, None); p.m.lines.pop(key, None)              # a line is taken back
    heir = next((j for j in st.jobs.values() if j.waits and j.content == job.content), None)
    if heir: heir.waits, heir.stage = False, 'manifest'; st.contents[key].state, st.contents[key].job = 'carried', heir.id
    else: del st.contents[key]

def rebuild(w, m):
    """A state from what lies on the disk. Its id stands in the markers; it has not joined yet."""
    st = m.state = State(m.state.id)
    m.is_old = True
    for key, kind in m.disk.items(): st.add(key, state=kind, told=0)
    for job, (c, arrived) in m.files.items():
        st.jobs[job] = Job(job, c, arrived)
        for key in (k for k, j in m.lines.items() if j == job and k not in m.disk):
            st.add(key, state='manifested', job=job); st.jobs[job].stage = 'move'

# ---------------------------------------------------------------------------------------- the world, and what must be true
FAULTS = ('kill', 'sleep', 'lost_before', 'lost_after', 'discard', 'allow_again', 'withdraw',
          'restore', 'reboot', 'roll_back', 'clone', 'rebuild', 'join', 'forget', 'take_over', 'save')
class World:
    def __init__(self, seed, faults=None):
        self.random = r = random.Random(seed)
        self.pg, self.now, self.restores, self.made, self.stamped, self.last, self.log = Postgres(), 0, 0, 0, 0, 0, []
        self.machines, self.processes, self.saved, self.saved_pg = [], [], {}, []
        self.freed, self.lost, self.withdrawn, self.taken_out, self.unsure = {}, set(), (), set(), set()
        self.calm = self.cause = False                                 # cause: a conflict may come
        self.contents, self.often = 'ab'[:r.choice((1, 1, 2))], r.choice((.08, .15, .3))
        chosen = r.sample(r.choice((FAULTS, FAULTS, FAULTS[:7], FAULTS[5:13])), r.choice((1, 2, 2, 3, 3, 4, 6)))
        self.faults = set(faults or chosen)
        for n in range(r.choice((2, 2, 2, 3))):
            m = Machine(f'm{n}', State(self.new_id()), {}, {}, {})
            self.machines.append(m)
            if r.random() < .1: m.disk['a', 1] = 'stored'; m.state.add(('a', 1), state='stored', told=0); self.cause = True
            for _ in Process(self, m, join, f'host{n}').steps: pass
            self.save(m)
        self.saved_pg.append(self.pg.copied())
        for m in self.machines * 2: self.start(m, worker)
    def new_id(self): self.made += 1; return self.made
    def stamp(self, revision): self.stamped = max(self.stamped, revision) + 1; return self.stamped    # the time in microseconds
    def start(self, m, what, *args): self.processes.append(Process(self, m, what, *args))
    def stop(self, m): self.processes = [p for p in self.processes if p.m is not m]
    def chance(self, fault, likely): return not self.calm and fault in self.faults and self.random.random() < likely
    def parts(self, m): return copy.deepcopy((m.state, m.disk, m.files, m.lines))
    def save(self, m): self.saved.setdefault(m.name, []).append(self.parts(m))
    def drop(self, m, c): job = Job(self.new_id(), c, self.now); m.state.jobs[job.id], m.files[job.id] = job, (c, self.now)
    def is_free(self, m, job):
        return not (job.held or job.waits or job.end or any(job.id in p.claims for p in self.processes if p.m is m))
    def in_charge(self, host):
        return next((m for m in self.machines if m.place == self.pg.hosts[host].place and m.state.id == host), None)
    def step(self, p):
        try: next(p.steps)
        except StopIteration: self.processes.remove(p)
        if 'withdraw' not in self.faults: return
        state = {(k, r.host): r.state for k, r in self.pg.contents.items()}
        if any(state.get(k) == 'stored' for k in self.withdrawn): raise Violation('withdrawn was turned back into stored')
        self.withdrawn = {k for k in state if state[k] == 'withdrawn'}

    def event(self):
        r, m = self.random, self.random.choice(self.machines)
        what = r.choice(sorted(self.faults - {'lost_before', 'lost_after'}) + ['file', 'file', 'tick', 'worker'])
        busy, jobs = [p for p in self.processes if p.m is m], [j for j in m.state.jobs.values() if not j.end]
        name = r.choice(self.machines).state.name or 'host9'
        if what in ('restore', 'roll_back') and r.random() < .4: what = 'save'
        if what not in ('file', 'tick'): self.log.append(f'{self.now:4} {m.name} {what}')
        if what == 'file': self.drop(m, r.choice(self.contents))
        elif what == 'tick': self.now += r.choice((1, 1, 2, 5, 13, 20))
        elif what == 'worker' and len(busy) < 3 and not any(p.verb == 'join' for p in busy): self.start(m, worker)
        elif what == 'save': self.save(m) if r.random() < .5 else self.saved_pg.append(self.pg.copied())
        elif what == 'restore':
            # After a host was rolled back too, not forward onto a line that was left: nobody could know; `audit --fleet` finds it.
            self.last = r.randrange(self.last + 1 if any(m.is_old for m in self.machines) else len(self.saved_pg))
            self.pg = self.saved_pg[self.last].copied(); self.restores += 1; self.cause, self.withdrawn = True, ()
        elif what == 'kill' and busy: self.processes.remove(r.choice(busy))
        elif what == 'sleep' and busy: r.choice(busy).asleep = r.choice((20, 60, 200))
        elif what == 'reboot': self.stop(m); m.boot += 1; self.start(m, worker)
        elif what == 'roll_back' and m.name in self.saved:
            self.stop(m); m.boot += 1; had = set(m.disk)
            m.state, m.disk, m.files, m.lines = copy.deepcopy(r.choice(self.saved[m.name]))
            for c, _ in had - set(m.disk): self.lost.add(c); self.freed.pop(c, None)
            m.is_old = self.cause = True; self.start(m, worker)
        elif what == 'rebuild': self.stop(m); self.cause = True; rebuild(self, m)
        elif what == 'clone' and len(self.machines) < 4:
            new = Machine(f'{m.name}c{self.new_id()}', *self.parts(m))
            self.machines.append(new); self.cause = m.is_old = new.is_old = True
            self.start(new, *r.choice(((worker,), (join, m.state.name), (join, f'host{self.new_id()}'))))
        elif what == 'forget': self.now += r.choice((0, HOUR)); self.cause = True; self.start(m, forget, name)
        elif what in ('join', 'take_over'):
            if r.random() < .8: self.stop(m)
            self.cause = m.is_old = True; self.now += (what == 'take_over') * r.choice((0, HOUR))
            self.start(m, join, name if what == 'take_over' or r.random() < .2 else m.state.name or name, what == 'take_over')
        elif what == 'withdraw' and m.state.ends(): self.start(m, withdraw, r.choice(sorted(m.state.ends())))
        elif what == 'allow_again': self.start(m, allow_again, r.choice(self.contents))
        elif what == 'discard' and (jobs := [j for j in jobs if self.is_free(m, j) and m.state.open_of(j)]):
            job = r.choice(jobs); job.held = True
            if r.random() < .7: self.start(m, discard, job)

    def end(self):
        """All faults are over, and operators do what the refusals say, until nothing is left to be done."""
        self.calm = True
        for p in self.processes: p.asleep = 0
        for _ in range(150):
            for m in self.machines: self.tend(m)
            for host, row in self.pg.hosts.items():
                if not any(m.state.id == host for m in self.machines): row.place = None       # host forget
            for _ in range(40):
                if self.processes: self.step(self.random.choice(self.processes))
            self.now += 1
            if not any(p.verb for p in self.processes) and next(self.waiting(), None) is None: return self.check_end()
        raise Violation('for ever: ' + '; '.join(self.waiting()))

    def tend(self, m):
        st, busy = m.state, [p for p in self.processes if p.m is m]
        for job in st.jobs.values(): job.held = False                  # retry
        row, refused = self.pg.hosts.get(st.id), {p.refused for p in busy} - {None}
        if any(p.verb == 'join' for p in busy): return
        if row and row.place != m.place and self.in_charge(st.id): return self.stop(m)        # shut out for good
        if refused or not busy and (st.name is None or st.cursor == JOINING):
            self.stop(m)
            if 'older' in refused: rebuild(self, m)
            name = m.state.name or row and row.name or f'host{m.name}'
            is_taken = any(other.name == name and host != st.id for host, other in self.pg.hosts.items())
            self.start(m, join, f'host{self.new_id()}' if is_taken else name)
        elif not busy: self.start(m, worker)

    def waiting(self):
        for m in self.machines:
            row, st = self.pg.hosts.get(m.state.id), m.state
            if row and row.place == m.place:
                if row.revision < st.revision: yield f'{m.name} has not noticed that PostgreSQL is older'
                if st.cursor is not None: yield f'{m.name} tells everything again'
                yield from (f'{m.name}: file {j.id} of {j.content} in {j.stage}' for j in st.jobs.values() if not j.end)
                yield from (f'{m.name}: {k} is untold' for k, r in st.contents.items() if not r.told)
            elif not (row and row.place and self.in_charge(st.id)): yield f'{m.name} is no host'
        yield from (f'{k} is carried by {r.host}' for k, r in self.pg.contents.items() if r.state == 'carried' and self.pg.hosts[r.host].place)
        yield from (f'conflict {o}' for o in self.pg.conflicts if self.in_charge(o[2]) and not self.is_conflict(o))

    def is_conflict(self, o):
        def has(host): return not (m := self.in_charge(host)) or m.disk.get(o[:2]) == 'stored'
        row = self.pg.contents.get(o[:2])
        return row and row.state == 'stored' and row.host != o[2] and has(o[2]) and has(row.host)

    def check_planned(self, p, key):
        """A line is planned only where PostgreSQL gives the content to this host, as far as this host can know."""
        h, st, row = self.pg.hosts.get(p.m.state.id), p.m.state, self.pg.contents.get(key)
        p.note(f'plans {key}')
        knows = h and h.place == p.m.place and h.revision >= st.revision and h.seq <= st.seq and (st.id, key) not in self.unsure
        if knows and (row is None or row.host != st.id): raise Violation(f'{p.m.name} plans {key}, and PostgreSQL has {row}')

    def check_duplicate(self, job, key):
        """Never a duplicate of what nobody has, unless it was lost, and nobody had said so when the file came."""
        if key[0] in self.taken_out or any(c == key[0] for m in self.machines for c, _ in m.disk): return
        if key[0] in self.lost and job.arrived <= self.freed.get(key[0], job.arrived): return
        raise Violation(f'file {job.id} is called a duplicate of {key}, which nobody has')

    def check_end(self):
        """PostgreSQL says of each host what its ledger says; what two hosts have is a conflict, and nothing else is."""
        pg = self.pg
        for host, m in ((host, self.in_charge(host)) for host in pg.hosts):
            if not m: continue
            ledger = {k: r.state for k, r in m.state.contents.items() if r.state in ENDED}
            if ledger != m.disk: raise Violation(f'{m.name}: ledger {ledger}, disk {m.disk}')
            for k, state in ledger.items():
                row = pg.contents.get(k)
                if row is None and state == 'withdrawn' and k[0] in self.freed: continue   # another host had it then, and lost it
                if row is None: raise Violation(f'{m.name} has {k}, and PostgreSQL does not know it')
                if m.is_old and state == 'stored' and k[0] in self.taken_out: continue     # rolled back to before it was withdrawn
                if row.host != host and state == 'stored' and (*k, host) not in pg.conflicts:
                    raise Violation(f'{k} is stored at {m.name} and at host {row.host}, and that is no conflict')
                if row.host == host and row.state != state: raise Violation(f'{k}: {m.name} has {state}, PostgreSQL {row.state}')
            if any(r.host == host and r.state == 'stored' and k not in ledger for k, r in pg.contents.items()):
                raise Violation(f'PostgreSQL has as stored at {m.name} what is not there')
        if pg.conflicts and not self.cause: raise Violation(f'a conflict without a cause: {pg.conflicts}')

def play(seed, model, faults=None):
    """One schedule. Returns nothing, or the violation and the world."""
    w = model.World(seed, faults)
    try:
        for _ in range(w.random.choice((60, 120, 200))):
            if w.random.random() < w.often: w.event()
            awake = [p for p in w.processes if not p.asleep]
            for p in w.processes: p.asleep = max(0, p.asleep - 1)
            p = awake and w.random.choice(awake)
            for _ in range(w.random.choice((1, 1, 1, 2, 5, 12))):      # the others stand still meanwhile
                if p in w.processes: w.step(p)
        w.log.append('all faults end'); w.end()
        w.now += 1
        for m in w.machines: w.drop(m, w.random.choice(w.contents))    # whatever happened, the next file is judged rightly
        w.end()
    except model.Violation as violation: return violation, w

# ---------------------------------------------------------------------------------------- mutants
# A name, with the faults that play it, where some by chance are slow; the text, and the text instead.
MUTANTS = {name.split(':')[0]: (name.split(':')[1:], texts) for name, *texts in (
    ('free_in_insert: forget', "            row = pg.contents.setdefault(key, Row(me, 'carried'))\n            if row.host", """            row = pg.contents.setdefault(key, Row(me, 'carried'))
            if row.state == 'carried' and seen.hosts[row.host].place is None: row.host = me
            if row.host"""),
    ('free_in_upsert: forget restore', "            if row.host != me and not (", "            if row.host != me and not (row.state == 'carried' and seen.hosts[row.host].place is None) and not ("),
    ('no_fence', "row.place == place and ", ""),
    ('no_revision', " and row.revision >= revision", "", "behind = row.revision < revision", "behind = False"),
    ('no_seq: roll_back', "        if seq <= st.seq: return", "        return", "if row.seq > st.seq:", "if False:"),
    ('late_cursor', "            st.cursor = 0\n            p.note", "            p.again = True\n            p.note",
     "    cursor, since = st.cursor, st.since\n", "    again, p.again = getattr(p, 'again', False), False\n    cursor, since = 0 if again else st.cursor, st.since\n",
     "    if st.cursor == cursor is not None", "    if again or st.cursor == cursor is not None"),
    ('delete_any_asked: discard kill', " and row.asked == asked: del", ": del"),
    ('no_since', "if st.contents[key].asked < st.since:", "if st.contents[key].asked < 0:"),
    ('late_page: withdraw sleep', "is_newest = set(), pg.hosts[me].seq <= number", "is_newest = set(), True"),
    ('unwithdraw: restore withdraw', "'withdrawn' if row.host == me and row.state == 'withdrawn' else state ", "state "),
    ('told_early: lost_before restore', "        known, revision = yield from statement(p, upsert(page, number), number)", "        for k, _ in page: st.contents[k].told = 1\n        known, revision = yield from statement(p, upsert(page, number), number)"),
    ('told_whatever: withdraw', " and row.state == state: row.told", ": row.told"),
    ('told_of_before: restore', "    if st.since != since: raise Lost  ", "    if False: raise Lost  "),
    ('own_any_generation: allow_again discard roll_back', "st.number(key, (c, g))      # and", "row.asked, job.stage = seq, 'manifest' #"),
    ('heir_unexplained: discard', "st.contents[key].job = 'carried', heir.id\n", "st.contents[key].job = 'carried', heir.id; st.heir = key\n",
     "if k not in here}:", "if k not in here or k == getattr(st, 'heir', 0)}:"),
    ('open_explains', "if r.state != 'elsewhere']", "if r.state in OPEN]"),
    ('forget_keeps_rows', "if (r := pg.contents.get(k)) and r.state == 'carried' and", "if (r := pg.contents.get(k)) and False and"),
    ('forget_keeps_place', "row.place, row.revision = None, p.w.stamp(row.revision);", "[p.w.pg.contents.pop(k) for k, r in [*p.w.pg.contents.items()] if p.w.pg.hosts[r.host] is row and r.state == 'carried'];"),
    ('seq_uncommitted', "    seq = st.seq = st.seq + 1\n\n", "    seq = st.seq + 1; p.ahead = 1\n\n", "max(row.seq, number), w.now\n        answer", "max(row.seq, number + getattr(p, 'ahead', 0)), w.now; p.ahead = 0\n        answer",
     "        yield                                                          # the answer", "        yield; st.seq = max(st.seq, seq) # the answer"),
    ('asked_read_later: restore', "row.asked, job.stage = seq, 'manifest'", "row.asked, job.stage = st.seq, 'manifest'"),
    ('elsewhere_for_ever', " and job.arrived > row.at: ", " and False: "),
    ('elsewhere_an_hour', " and job.arrived > row.at: ", " and p.w.now > row.at + HOUR: "),
    ('overwrite', "not (row.state == 'withdrawn' and state == 'stored'): continue", "state != 'stored': continue"),
    ('seq_in_hash: roll_back', "        row = st.contents.get(key)\n        if row is None: st", "        row = st.contents.get(key); st.seq += 1\n        if row is None: st", "    seq = st.seq = st.seq + 1\n\n", "    seq = st.seq\n\n", "        number = st.seq = st.seq + 1 ", "        number = st.seq "),
    ('tell_no_seq: roll_back', "        number = st.seq = st.seq + 1 ", "        number = st.seq "),
    ('conflict_once: restore withdraw', "            acts += [conflicts_again] * any(host == st.id for *_, host in w.pg.conflicts)\n", ""),
    ('replaced_returns: clone kill sleep', "if row.place not in (*places, m.place) and not behind:", "if False:"),
    ('old_place', "not in (*places, m.place) and not behind:", "not in (*places, m.place):"),
    ('revision_reread', "        yield                                                          # one commit; seq", "        yield; revision, since = st.revision, st.since # one commit; seq"),
    ('seq_read_early', "        revision, since, places = st.revision, st.since, st.places  ", "        revision, since, places, seq = st.revision, st.since, st.places, st.seq  ", "if row.seq > st.seq:", "if row.seq > seq:"),
    ('revision_found', "w.stamp(row.revision), max(row.seq, number), w.now", "row.revision + 1, max(row.seq, number), w.now", "w.stamp(max(row.revision, revision)), max", "row.revision + 1, max",
     "            st.cursor = 0\n            p.note", "            st.cursor, st.revision = 0, row.revision\n            p.note"),
    ('revision_later: kill restore', "    st.revision = max(st.revision, revision)\n    for key, state in page", "    for key, state in page", "    if st.cursor == cursor is not None: st.cursor = after\n", "    if st.cursor == cursor is not None: st.cursor = after\n    yield\n    st.revision = max(st.revision, revision)\n"),
    ('resent: lost_before restore', "    if line != w.restores: raise Lost\n    if w.chance", "    if w.chance"),
    ('join_frees_ended', "for k in there if k not in st.ends()]", "for k in there if k not in st.contents]"),
    ('join_no_conflicts: restore roll_back', "    there += [(c, g) for c, g, host in w.pg.conflicts if host == me]\n", ""),
)}

def mutant(name):
    with open(__file__, encoding='utf8') as file: text = file.read()
    head, tail = text[:(at := text.index('\nMUTANTS'))], text[at:]
    for old, new in zip(MUTANTS[name][1][::2], MUTANTS[name][1][1::2]):
        if head.count(old) != 1: sys.exit(f'{name}: {head.count(old)} times in the text: {old}')
        head = head.replace(old, new)
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(head, name, 'exec'), vars(module))
    return module

def main():
    args = argparse.ArgumentParser(description='Plays the protocol of the shared ledger with faults.')
    args.add_argument('--seed', type=int, default=1); args.add_argument('--schedules', type=int, default=2000)
    args.add_argument('--mutant', choices=MUTANTS); args.add_argument('--mutants', action='store_true')
    args = args.parse_args()

    def first(name):
        model, faults = (mutant(name), ' '.join(MUTANTS[name][0]).split()) if name else (sys.modules[__name__], None)
        seeds = range(args.seed, args.seed + args.schedules)
        return next(((n, *found) for n in seeds if (found := play(n, model, faults))), None)
    if args.mutants:
        caught = []
        for name in MUTANTS:
            caught.append(found := first(name))
            print(f'{name:20} {f"caught by seed {found[0]}: {found[1]}" if found else "NOT CAUGHT"}', flush=True)
        sys.exit(None in caught)
    if found := first(args.mutant):
        n, violation, w = found
        sys.exit('\n'.join([*w.log, f'seed {n}: {violation}; faults: {sorted(w.faults)}']))
    print(f'{args.schedules} schedules, no violation')

if __name__ == '__main__': main()
