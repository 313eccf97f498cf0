import Foundation

#if canImport(FoundationXML)
import FoundationXML
#endif

/// The elements of markup, in the order of their start tags.
struct ParsedMarkup {
    struct Element {
        var name: String
        var attributes: [String: String]
        /// The index of the parent in ``ParsedMarkup/elements``; nil for the root.
        var parent: Int?
        /// The text directly within the element.
        var text = ""

        var cssClass: String { attributes["class"] ?? "" }

        /// Returns the number in an attribute; nil if there is none.
        func number(_ name: String) -> Double? { attributes[name].flatMap(Double.init) }
    }

    let elements: [Element]

    /// Parses markup strictly, as XML. Nil if it is not well-formed.
    init?(_ markup: String) {
        let parser = XMLParser(data: Data(markup.utf8))
        let collector = Collector()
        parser.delegate = collector
        guard parser.parse() else { return nil }
        elements = collector.elements
    }

    /// Returns the elements with a name.
    func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }

    /// Returns the elements whose classes include one of some.
    func marks(_ classes: Set<String>) -> [Element] {
        elements.filter { !classes.isDisjoint(with: $0.cssClass.split(separator: " ").map(String.init)) }
    }

    /// Returns the text of the first child with a name, for each element that has one.
    func childText(_ name: String, where isIncluded: (Element) -> Bool) -> [String] {
        elements.filter { child in child.name == name && child.parent.map { isIncluded(elements[$0]) } ?? false }
            .map(\.text)
    }

    private final class Collector: NSObject, XMLParserDelegate {
        var elements: [Element] = []
        private var open: [Int] = []

        func parser(
            _: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements.append(Element(name: name, attributes: attributes, parent: open.last))
            open.append(elements.count - 1)
        }

        func parser(_: XMLParser, foundCharacters text: String) {
            if let element = open.last { elements[element].text.unicodeScalars += text.unicodeScalars }
        }

        func parser(_: XMLParser, didEndElement: String, namespaceURI: String?, qualifiedName: String?) {
            open.removeLast()
        }
    }
}
