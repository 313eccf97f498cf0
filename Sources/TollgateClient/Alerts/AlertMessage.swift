import Foundation
public import TollgateCore

/// A change of an alert's state.
public struct AlertMessage: Sendable, Hashable {
    /// The position of this message in the stream. Pass it to `alerts(after:)` to resume after it.
    public var cursor: String
    /// The kind of change.
    public var event: Alert.Event
    /// The alert after the change.
    public var alert: Alert

    /// Creates a message.
    public init(cursor: String, event: Alert.Event, alert: Alert) {
        self.cursor = cursor
        self.event = event
        self.alert = alert
    }
}

/// One pushed line of an alert connection. The client cannot decode every event of a later sidecar version, but it
/// always knows the cursor.
struct AlertLine: Decodable {
    /// The cursor of the message.
    var cursor: String
    /// The message, or nil if this version cannot decode it.
    var message: AlertMessage?

    private enum CodingKeys: String, CodingKey {
        case cursor, event, alert
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        cursor = try fields.decode(String.self, forKey: .cursor)
        guard let event = (try? fields.decode(String.self, forKey: .event)).flatMap(Alert.Event.init),
            let alert = try? fields.decode(Alert.self, forKey: .alert)
        else { return }
        message = AlertMessage(cursor: cursor, event: event, alert: alert)
    }

    /// Decodes the JSON after `ALERT`. Returns nil if it has no cursor.
    init?(json: String) {
        guard let line = try? JSONDecoder().decode(AlertLine.self, from: Data(json.utf8)) else { return nil }
        self = line
    }
}

/// The part of STATUS that the link needs.
struct SidecarInfo: Decodable {
    private struct Alerts: Decodable {
        var cursor: String?
    }

    private var alerts: Alerts?

    /// Returns the sidecar's position in the alert stream, or nil if the sidecar has not reached Redis yet.
    static func cursor(in json: String) -> String? {
        (try? JSONDecoder().decode(SidecarInfo.self, from: Data(json.utf8)))?.alerts?.cursor
    }
}
