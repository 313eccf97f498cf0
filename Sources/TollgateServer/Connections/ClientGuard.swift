import Logging

/// What all workers of a sidecar know together of clients that misbehave, and the places for those that listen to alerts. Usable
/// from any thread; not asked on the way of a request.
struct ClientGuard: Sendable {
    let wrongTokens: ClientFailures
    let foreignTraffic: ClientFailures
    let alertPlaces: AlertPlaces

    init(settings: ServerSettings, logger: Logger) {
        wrongTokens = .wrongTokens(at: "line port", logger: logger)
        foreignTraffic = ClientFailures(
            max: 1, message: "line port: a client that does not speak its protocol was disconnected",
            lastMessage: "line port: more clients that do not speak its protocol, not logged one by one",
            logger: logger)
        alertPlaces = AlertPlaces(capacity: settings.maxAlertSubscribers)
    }
}
