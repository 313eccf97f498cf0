import Foundation
import TollgateCore

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
