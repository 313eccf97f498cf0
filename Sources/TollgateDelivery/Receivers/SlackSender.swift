import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// POSTs a sentence to an incoming webhook of Slack, or of a service with a compatible one.
struct SlackSender: AlertSender {
    let address: WebAddress
    let http: HTTPSender
    let currency: @Sendable () -> String

    private struct Message: Encodable {
        struct Block: Encodable {
            var type = "section"
            var text: Text
        }

        /// Plain text, in which Slack interprets neither markup nor links nor names of emoji.
        struct Text: Encodable {
            var type = "plain_text"
            var text: String
            var emoji = false
        }

        /// The text for notifications and for services that do not show blocks.
        var text: String
        var blocks: [Block]
        var mrkdwn = false
        var parse = "none"
        var unfurl_links = false
        var unfurl_media = false

        init(_ sentence: String, emoji: String) {
            text = "\(emoji) \(SlackSender.escaped(SlackSender.withoutMarkup(sentence)))"
            blocks = [Block(text: Text(text: "\(emoji) \(SlackSender.escaped(sentence))"))]
        }
    }

    func deliver(_ entry: AlertEntry, isTest: Bool) async -> DeliveryOutcome {
        let sentence = PlainText.oneLine(AlertSentence(entry, currency: currency(), isTest: isTest).text)
        guard let body = try? CanonicalJSON.text(Message(sentence, emoji: isTest ? "🔔" : Self.emoji(entry))) else {
            return .unwritable
        }
        return await http.post(body, to: address.text, headers: [("Tollgate-Delivery", entry.id)])
    }

    private static func emoji(_ entry: AlertEntry) -> String {
        switch entry.event {
        case .opened: entry.alert.severity == .critical ? "🚨" : "⚠️"
        case .acknowledged: "👀"
        case .resolved: "✅"
        }
    }

    /// Replaces characters that other services interpret as markup by look-alikes, because each service escapes them
    /// differently.
    private static func withoutMarkup(_ text: String) -> String {
        var plain = ""
        var before: Character = " "
        for (character, after) in zip(text, text.dropFirst() + " ") {
            switch character {
            case "*": plain.append("∗")
            case "~": plain.append("∼")
            case "`": plain.append("ˋ")
            // Within a word it is not markup, and names often contain it.
            case "_" where !isOfWord(before) || !isOfWord(after): plain.append("ˍ")
            default: plain.append(character)
            }
            before = character
        }
        // The colons of `https://` and `:emoji:`.
        return plain.replacing(/:(?=\/\/|[A-Za-z0-9_+'-]+:)/, with: "꞉")
    }

    private static func isOfWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }

    /// Escapes Slack's control characters, so that no name mentions everyone in the channel.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
