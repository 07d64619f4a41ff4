internal import CompactMatrix
internal import Foundation
internal import Yams

/// The fields of a device profile's payload.
enum PayloadSection {
    static func template(ofProfile file: String) throws -> PayloadTemplate {
        guard let data = FileManager.default.contents(atPath: file), let text = String(data: data, encoding: .utf8)
        else {
            throw Failure(.storage, "\(file) cannot be read")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw Failure(.badInput, "\(file): \(error)")
        }
        guard let items = root?.mapping?["payload"]?.mapping?["fields"]?.sequence else {
            throw Failure(.badInput, "\(file) has no payload.fields")
        }
        var fields: [PayloadTemplate.Field] = []
        for item in items {
            guard let name = item.mapping?["name"]?.string, let bits = item.mapping?["bits"]?.int else {
                throw Failure(.badInput, "\(file): field \(fields.count + 1) wants name and bits")
            }
            fields.append(
                PayloadTemplate.Field(
                    name: name, unit: item.mapping?["unit"]?.string ?? "", bits: bits,
                    scale: try number(item, "scale", file) ?? .one, offset: try number(item, "offset", file) ?? .zero,
                    canBeMissing: item.mapping?["can_be_missing"]?.bool ?? false))
        }
        do throws(PayloadTemplate.Fault) {
            return try PayloadTemplate(fields)
        } catch {
            throw Failure(.badInput, "\(file): \(error)")
        }
    }

    /// From the digits as they stand: no float comes in between.
    private static func number(_ item: Node, _ key: String, _ file: String) throws -> DecimalNumber? {
        guard let text = item.mapping?[Node(key)]?.scalar?.string else { return nil }
        guard let number = DecimalNumber(Array(text.utf8)) else { throw Failure(.badInput, "\(file): \(key) \(text)") }
        return number
    }
}
