import TollgateCore

/// How far one client that has asked for alerts has got. Owned by its session.
final class AlertSubscription {
    enum Phase {
        /// The reply to ALERTS has not gone out: it is before that place in the session's replies.
        case accepted(place: Int)
        /// A page is to be read for it as soon as there is room.
        case behind
        /// That page has been asked for. What the workers get meanwhile is in it, or will be in the next one.
        case reading
        /// It gets what its worker gets: the page of that number, and those after it.
        case live(firstPage: Int)
    }

    var phase: Phase
    /// What comes after is still to be written.
    var position: AlertCursor
    /// Whether it begins in the past.
    let isFromCursor: Bool

    /// - Parameter place: That of the first reply after the one to ALERTS.
    init(after cursor: AlertCursor?, place: Int) {
        position = cursor ?? .start
        isFromCursor = cursor != nil
        phase = .accepted(place: place)
    }
}
