import NIOCore
import Synchronization

/// The connections of the admin API. Closes idle connections in favour of new ones, and drains all at shutdown. Usable
/// from any task.
final class OpenConnections: Sendable {
    /// The maximum number of connections. Further ones wait in the backlog.
    let max: Int
    /// The number of connections that are reserved for health checks while all others are busy.
    static let reservedForHealth = 16

    private struct Connection {
        let channel: any Channel
        /// The time since the connection is idle. Nil while a request is in progress.
        var waitingSince: NIODeadline?
        /// Whether the connection was accepted for health checks only.
        var isExtra = false
        /// Whether the connection is being closed in favour of another.
        var isLeaving = false
    }

    private struct State {
        /// The number of connections for all routes. Further ones are for health checks only.
        let capacity: Int
        var isEnding = false
        var connections: [ObjectIdentifier: Connection] = [:]

        var isFull: Bool { connections.values.count { !$0.isLeaving } > capacity }

        /// Selects the longest idle connection but the given one, and marks it as closing. Returns nil if no connection
        /// is idle.
        mutating func makeRoom(for id: ObjectIdentifier) -> (any Channel)? {
            let waiting = connections.filter { $0.key != id && !$0.value.isLeaving && $0.value.waitingSince != nil }
            let longest = waiting.min { ($0.value.waitingSince ?? .now()) < ($1.value.waitingSince ?? .now()) }
            guard let longest else { return nil }
            connections[longest.key]?.isLeaving = true
            return longest.value.channel
        }
    }

    private let state: Mutex<State>

    /// Creates an empty set.
    ///
    /// - Parameter max: The maximum number of connections, 1 or more.
    init(max: Int) {
        self.max = max
        state = Mutex(State(capacity: max - min(Self.reservedForHealth, max / 4)))
    }

    /// Adds a connection until it closes. Above the capacity, the longest idle connection is closed for it.
    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let (isEnding, leaving) = state.withLock { state in
            state.connections[id] = Connection(channel: channel, waitingSince: .now())
            let leaving = state.isFull ? state.makeRoom(for: id) : nil
            let isExtra = state.isFull
            state.connections[id]?.isExtra = isExtra
            return (state.isEnding, leaving)
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.connections.removeValue(forKey: id) }
        }
        leaving?.close(promise: nil)
        if isEnding { Self.end(channel) }
    }

    /// Records whether a connection is idle.
    func note(_ channel: any Channel, isWaiting: Bool) {
        state.withLock { $0.connections[ObjectIdentifier(channel)]?.waitingSince = isWaiting ? .now() : nil }
    }

    /// Returns whether a connection may use routes other than health checks.
    func hasRoom(for channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (hasRoom, leaving) = state.withLock { state -> (Bool, (any Channel)?) in
            guard state.connections[id]?.isExtra == true else { return (true, nil) }
            let leaving = state.isFull ? state.makeRoom(for: id) : nil
            let hasRoom = !state.isFull
            if hasRoom { state.connections[id]?.isExtra = false }
            return (hasRoom, leaving)
        }
        leaving?.close(promise: nil)
        return hasRoom
    }

    /// Drains all connections: idle ones close at once, others after their response.
    func end() {
        let channels = state.withLock { state in
            state.isEnding = true
            return state.connections.values.map(\.channel)
        }
        channels.forEach(Self.end)
    }

    private static func end(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
}
