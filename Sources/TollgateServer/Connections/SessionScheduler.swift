import DequeModule
import NIOCore

/// Shares an event loop's time, and the room in its ledger, among the sessions. Each turn of a session handles a share
/// of requests before the loop polls its sockets again. So other clients, and the replies of Redis, are never delayed
/// by more than a few turns.
///
/// A session handles input immediately while no other session waits. The rest of its input waits for its turn here, and
/// the session reads no more meanwhile. Owned by the worker's event loop.
final class SessionScheduler {
    /// The requests between two polls of the sockets: as many as a batch holds, a few ms of work.
    static let budget = 512
    /// The maximum number of requests that a session handles immediately, without waiting for its turn.
    static let immediateShare = 64
    /// The maximum number of requests per turn while no other session waits.
    private static let maxShare = 512
    /// The maximum number of requests per turn while very many sessions wait: enough to be worth a write.
    private static let minShare = 16
    /// The maximum number of requests per turn of a fresh session.
    private static let freshShare = 4
    /// The maximum number of requests of all unauthenticated sessions between two polls.
    static let unauthenticatedBudget = 32
    /// The maximum number of requests per turn of an unauthenticated session.
    static let unauthenticatedShare = 4
    /// The cost of a turn besides its requests, because it ends with a write. Counted in requests.
    private static let turnCost = 2
    /// The delay of the next turns. A loop runs tasks that are due before it polls its sockets.
    private static let pause = TimeAmount.microseconds(50)

    private let eventLoop: any EventLoop
    /// Whether the ledger takes operations.
    private let hasRoom: () -> Bool
    /// Called when a fresh session gets its turn while other sessions are waiting.
    private let onContention: () -> Void
    /// Fresh sessions and all others, which take turns: a client that sends one request at a time does not wait for
    /// all that send many.
    private var fresh = Queue()
    private var others = Queue()
    private var isFreshNext = true
    private var unauthenticated = Deque<Session>()
    /// The number of requests charged to each budget.
    private var spent = 0
    private var spentByUnauthenticated = 0
    private var isRunScheduled = false
    private var isRunning = false
    private var laterRun: Scheduled<Void>?

    /// A queue of sessions that wait for their turn.
    private struct Queue {
        /// Sessions whose current request waits for room in the ledger. They come first.
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

    /// The number of requests that a session may handle immediately when it has read.
    func immediateShare(of session: Session) -> Int {
        guard session.isAuthenticated else {
            return unauthenticated.isEmpty && spentByUnauthenticated < Self.unauthenticatedBudget
                ? Self.unauthenticatedShare : 0
        }
        guard fresh.count == 0, others.count == 0 else { return 0 }
        return max(0, min(Self.immediateShare, Self.budget - spent))
    }

    /// Counts requests that were handled immediately. Small counts are added up, so that most reads schedule nothing.
    func spend(_ requests: Int, by session: Session) {
        if session.isAuthenticated { spent += requests } else { spentByUnauthenticated += requests }
        if spent >= Self.immediateShare || spentByUnauthenticated >= Self.unauthenticatedShare { scheduleRun() }
    }

    /// Queues a session that has requests to handle.
    func enqueue(_ session: Session) {
        if !session.isAuthenticated {
            unauthenticated.append(session)
        } else if session.isFresh {
            fresh.ready.append(session)
        } else {
            others.ready.append(session)
        }
        scheduleRun()
    }

    /// Queues a session until there is room in the ledger.
    func enqueueUntilRoom(_ session: Session) {
        if session.isFresh { fresh.blocked.append(session) } else { others.blocked.append(session) }
    }

    /// Resumes sessions that wait for room in the ledger.
    func roomAppeared() {
        if !fresh.blocked.isEmpty || !others.blocked.isEmpty { scheduleRun() }
    }

    /// Schedules turns. Within the loop's handling of I/O they run when all of the tick's sockets have been read.
    private func scheduleRun() {
        guard !isRunScheduled, !isRunning else { return }
        isRunScheduled = true
        eventLoop.assumeIsolated().execute { self.run() }
    }

    private func run() {
        isRunScheduled = false
        laterRun?.cancel()
        laterRun = nil
        (spent, spentByUnauthenticated) = (0, 0)
        isRunning = true
        while spentByUnauthenticated < Self.unauthenticatedBudget, let session = unauthenticated.popFirst() {
            spentByUnauthenticated += Self.turnCost + turn(of: session, share: Self.unauthenticatedShare)
        }
        while spent < Self.budget, let session = nextSession() {
            if session.isFresh, others.count > 0 { onContention() }
            let share = session.isFresh ? Self.freshShare : max(Self.minShare, Self.maxShare / (others.count + 1))
            spent += Self.turnCost + turn(of: session, share: share)
        }
        isRunning = false
        let isBlocked = fresh.ready.isEmpty && others.ready.isEmpty && !hasRoom()
        guard !unauthenticated.isEmpty || (fresh.count + others.count > 0 && !isBlocked) else { return }
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
