import DequeModule
import NIOCore

/// Shares an event loop's time, and the room in its ledger, over the sessions: in turns, each with a share of the requests that
/// are handled before the loop looks at its sockets again. However much one client sends, the others, and the answers of Redis,
/// are never more than a few such portions away.
///
/// A session handles what it has read at once while nobody waits; what it has left over waits for its turn here, and it reads no
/// more meanwhile. Owned by the worker's event loop.
final class SessionScheduler {
    /// Requests between two looks at the sockets: as many as a batch holds, a few ms of work.
    static let budget = 512
    /// The requests that a session handles at once, without waiting for its turn.
    static let immediateShare = 64
    /// The requests of a turn while nobody else waits, and of one while very many do: then each waits longer for its turn, and a
    /// write to a client is still worth its while.
    private static let maxShare = 512
    private static let leastShare = 16
    /// Those of a turn of a session that asks for little.
    private static let freshShare = 4
    /// The same for sessions that have not authenticated: of all of them together, and of one.
    static let strangersBudget = 32
    static let strangersShare = 4
    /// What a turn costs beside its requests: it ends with a write.
    private static let turnCost = 2
    /// The loop looks at its sockets when it has no task that is due. So the next portion is due a little later.
    private static let pause = TimeAmount.microseconds(50)

    private let eventLoop: any EventLoop
    /// Whether the ledger takes operations.
    private let hasRoom: () -> Bool
    /// Called when a session that asks for little has its turn while others ask for much.
    private let onContention: () -> Void
    /// Sessions that ask for little, and all others, in turns: a client that asks one thing at a time does not wait behind all
    /// that ask for much.
    private var fresh = Line()
    private var others = Line()
    private var isFreshNext = true
    private var strangers = Deque<Session>()
    /// Of the budgets.
    private var spent = 0
    private var spentByStrangers = 0
    private var isRunScheduled = false
    private var isRunning = false
    private var laterRun: Scheduled<Void>?

    /// Sessions that wait for their turn.
    private struct Line {
        /// Their request at hand waits for room in the ledger. They come before those that are ready.
        var blocked = Deque<Session>()
        var ready = Deque<Session>()

        var count: Int { blocked.count + ready.count }

        mutating func next(hasRoom: Bool) -> Session? {
            if hasRoom, let session = blocked.popFirst() { return session }
            return ready.popFirst()
        }
    }

    init(eventLoop: any EventLoop, hasRoom: @escaping () -> Bool, onContention: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.hasRoom = hasRoom
        self.onContention = onContention
    }

    /// How many requests a session that has read may handle at once.
    func immediateShare(of session: Session) -> Int {
        guard session.isAuthenticated else {
            return strangers.isEmpty && spentByStrangers < Self.strangersBudget ? Self.strangersShare : 0
        }
        guard fresh.count == 0, others.count == 0 else { return 0 }
        return max(0, min(Self.immediateShare, Self.budget - spent))
    }

    /// So many requests have been handled at once. Small ticks are added up, so that most cost nothing here.
    func spend(_ requests: Int, by session: Session) {
        if session.isAuthenticated { spent += requests } else { spentByStrangers += requests }
        if spent >= Self.immediateShare || spentByStrangers >= Self.strangersShare { scheduleRun() }
    }

    /// The session has requests to handle, and waits for its turn.
    func enqueue(_ session: Session) {
        if !session.isAuthenticated {
            strangers.append(session)
        } else if session.isFresh {
            fresh.ready.append(session)
        } else {
            others.ready.append(session)
        }
        scheduleRun()
    }

    /// The session waits until there is room in the ledger.
    func enqueueUntilRoom(_ session: Session) {
        if session.isFresh { fresh.blocked.append(session) } else { others.blocked.append(session) }
    }

    /// There may be room in the ledger again.
    func roomAppeared() {
        if !fresh.blocked.isEmpty || !others.blocked.isEmpty { scheduleRun() }
    }

    /// From within the loop's handling of I/O this runs when all of the tick's sockets have been read.
    private func scheduleRun() {
        guard !isRunScheduled, !isRunning else { return }
        isRunScheduled = true
        eventLoop.assumeIsolated().execute { self.run() }
    }

    private func run() {
        isRunScheduled = false
        laterRun?.cancel()
        laterRun = nil
        (spent, spentByStrangers) = (0, 0)
        isRunning = true
        while spentByStrangers < Self.strangersBudget, let session = strangers.popFirst() {
            spentByStrangers += Self.turnCost + turn(of: session, share: Self.strangersShare)
        }
        while spent < Self.budget, let session = nextSession() {
            if session.isFresh, others.count > 0 { onContention() }
            let share = session.isFresh ? Self.freshShare : max(Self.leastShare, Self.maxShare / (others.count + 1))
            spent += Self.turnCost + turn(of: session, share: share)
        }
        isRunning = false
        let isBlocked = fresh.ready.isEmpty && others.ready.isEmpty && !hasRoom()
        guard !strangers.isEmpty || (fresh.count + others.count > 0 && !isBlocked) else { return }
        laterRun = eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.run() }
    }

    private func nextSession() -> Session? {
        let hasRoom = hasRoom()
        isFreshNext.toggle()
        if isFreshNext { return others.next(hasRoom: hasRoom) ?? fresh.next(hasRoom: hasRoom) }
        return fresh.next(hasRoom: hasRoom) ?? others.next(hasRoom: hasRoom)
    }

    private func turn(of session: Session, share: Int) -> Int {
        let cost = session.takeTurn(atMost: share)
        session.flush()
        return cost
    }
}
