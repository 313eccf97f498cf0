import Foundation
import TollgateCore

/// What the sidecar pushes for a message. Events and alerts of later versions may be such as this one cannot read; their place is
/// known all the same.
struct AlertLine: Decodable {
    /// The cursor of the message.
    var cursor: String
    /// Nil where it cannot be read.
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

    /// From the JSON after `ALERT`; nil where that has no cursor.
    init?(json: String) {
        guard let line = try? JSONDecoder().decode(AlertLine.self, from: Data(json.utf8)) else { return nil }
        self = line
    }
}
