import Synchronization

/// The sessions that their users have ended before they expired, so that a copy of the cookie is refused, too. Usable
/// from any task.
final class EndedSessions: Sendable {
    /// The maximum number of sessions. The ones that expire first make room.
    static let maxSessions = 10_000

    /// The ends of the sessions by their ids, in Unix seconds.
    private let ends = Mutex<[String: Int64]>([:])

    /// Adds a session, and removes those that have expired.
    func add(_ session: Session, at now: Int64) {
        ends.withLock { ends in
            ends = ends.filter { $0.value > now }
            if ends.count >= Self.maxSessions, let first = ends.min(by: { $0.value < $1.value }) {
                ends[first.key] = nil
            }
            ends[session.id] = session.expiresAt
        }
    }

    func contains(_ session: Session) -> Bool { ends.withLock { $0[session.id] != nil } }
}
