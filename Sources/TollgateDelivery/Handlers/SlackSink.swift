import TollgateCore
import TollgateLedger

/// POSTs a sentence to an incoming webhook of Slack, or of others that take the same.
struct SlackSink: AlertSink {
    let address: WebAddress
    let sender: WebSender
    let currency: @Sendable () -> String

    private struct Message: Encodable {
        struct Block: Encodable {
            var type = "section"
            var text: Text
        }

        struct Text: Encodable {
            var type = "mrkdwn"
            var text: String
        }

        var text: String
        var blocks: [Block]

        init(_ text: String) {
            self.text = text
            blocks = [Block(text: Text(text: text))]
        }
    }

    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome {
        let sentence = PlainText.oneLine(AlertSentence(entry, currency: currency()).text)
        guard let body = try? PolicyJSON.text(Message("\(Self.emoji(entry)) \(Self.escaped(sentence))")) else {
            return .unwritable
        }
        return await sender.post(body, to: address.text, headers: [("Tollgate-Delivery", entry.id)])
    }

    private static func emoji(_ entry: AlertEntry) -> String {
        switch entry.event {
        case .opened: entry.alert.severity == .critical ? ":rotating_light:" : ":warning:"
        case .acknowledged: ":eyes:"
        case .resolved: ":white_check_mark:"
        }
    }

    /// So that no name becomes a link, or calls everybody in the channel.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
