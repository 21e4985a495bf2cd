// SPDX-License-Identifier: MIT
// Uses the DOM parser of simdjson, not On-Demand, for two reasons. The DOM parser checks the whole text first, while
// On-Demand would find an error after half of a snapshot was added. The DOM parser uses all instructions of the
// processor on which it runs, while On-Demand uses only those that the build allows.
#include "report/snapshot.hpp"

#include "table/columns.hpp"
#include "table/merge.hpp"
#include "util/text.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace socktally {

namespace {

namespace dom = simdjson::dom;

constexpr std::string_view schema = "socktally/1";

constexpr std::uint32_t bit(auto part) { return 1U << static_cast<unsigned>(part); }

BadSnapshot wrong_type(std::string_view name, std::string_view wanted)
{
    return BadSnapshot(fmt::format("{} is not {}", quote(name), wanted));
}

std::string_view text_of(std::string_view name, const dom::element& value)
{
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
        throw wrong_type(name, "a string");
    }
    return text;
}

std::uint64_t number_of(std::string_view name, const dom::element& value, std::uint64_t limit)
{
    std::uint64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS || number > limit) {
        throw wrong_type(name, fmt::format("a whole number from 0 to {}", limit));
    }
    return number;
}

SavedValue value_of(const Column& column, const dom::element& element)
{
    if (element.is_null()) {
        return {.is_null = true};
    }
    return column.most != 0 ? SavedValue{.number = number_of(column.name, element, column.most)}
                            : SavedValue{.text = text_of(column.name, element)};
}

/// Returns whether the text is the uid of a pod. The column `pod` has the uid if the pod's name is not known. The uid
/// is a UUID, or 32 digits for a static pod.
bool is_pod_uid(std::string_view text)
{
    return (text.size() == 36 || text.size() == 32) && text.find_first_not_of("0123456789abcdef-") == text.npos;
}

} // namespace

/// Objects from one source have the same members in the same order. So the order of members in the last object is tried
/// first. All rows are read into the same Row, which reuses the memory of its texts.
struct SnapshotParser::Impl {
    Impl() { row.connections.reset(); }

    enum class Part : std::uint8_t { nothing, schema, started_at, duration, by, complete, backend, host, boot_id };
    /// Says where a member of a JSON object is stored: in a part of the heading, in a column, or nowhere.
    struct Slot {
        std::string name;
        Part part = Part::nothing;
        const Column* column = nullptr;
    };
    using Order = std::vector<Slot>;

    void parse(std::string_view text);
    static Slot slot_of(std::string_view name, bool is_row_of_document);
    static const Slot& learn_slot(Order& order, std::size_t place, std::string_view name, bool is_row_of_document);
    static const Slot& find_slot(Order& order, std::size_t place, std::string_view name, bool is_row_of_document)
    {
        return place < order.size() && order[place].name == name ? order[place]
                                                                 : learn_slot(order, place, name, is_row_of_document);
    }
    void read_time(std::string_view name, std::string_view text);
    void read_keys(std::string_view name, std::string_view text);
    void read_part(const Slot& slot, const dom::element& value);
    void read_line(const dom::object& object);
    void read_document(const dom::object& object);
    void read_row_of_document(const dom::element& element);
    void require_parts() const;
    void begin_row();
    void read_value(const Slot& slot, const dom::element& value);
    void put(const Column& column, const SavedValue& value);
    void end_row();
    void end_identity();

    dom::parser parser; // `heading` points into the memory of the parser
    std::string_view whole_text;
    Heading heading;
    bool is_document = false;
    std::uint32_t parts = 0; // one bit for each Part that was read
    dom::array rows;         // of a document
    Order line_order;
    Order row_order;
    // The time and the keys of the last text. All lines of a snapshot have the same, so most lines need not parse them.
    std::string time_text;
    TimePoint time;
    std::string by_text;
    GroupBy by;
    ColumnSet settled;

    Row row;
    std::shared_ptr<Identity> identity = std::make_shared<Identity>(); // of the row
    Origin origin;
    ColumnSet known;  // columns that have a value in the current row
    ColumnSet filled; // `known`, and the columns in which `row` still has a value of an earlier row
};

static_assert(SnapshotParser::padding >= simdjson::SIMDJSON_PADDING);

SnapshotParser::SnapshotParser() : impl_(std::make_unique<Impl>()) {}
SnapshotParser::~SnapshotParser() = default;
void SnapshotParser::parse(std::string_view text) { impl_->parse(text); }
const Heading& SnapshotParser::heading() const { return impl_->heading; }
bool SnapshotParser::is_document() const { return impl_->is_document; }
std::size_t SnapshotParser::text_hash() const { return std::hash<std::string_view>()(impl_->whole_text); }

bool SnapshotParser::claims_to_be_one() const
{
    return !impl_->is_document || (impl_->parts & bit(Impl::Part::schema)) != 0;
}

void SnapshotParser::for_each_row(const std::function<void(Row&, const Origin&)>& use)
{
    if (!impl_->is_document) {
        use(impl_->row, impl_->origin);
        return;
    }
    for (const dom::element element : impl_->rows) {
        impl_->read_row_of_document(element);
        use(impl_->row, impl_->origin);
    }
}

void SnapshotParser::Impl::parse(std::string_view text)
{
    whole_text = text;
    parts = 0;
    is_document = true; // assumed until the member `ts` is found, which only a line has
    heading = {};
    heading.by = &by;
    dom::object object;
    dom::element root;
    if (parser.parse(text.data(), text.size(), false).get(root) != simdjson::SUCCESS ||
        root.get(object) != simdjson::SUCCESS) {
        throw BadSnapshot("not a JSON object; report reads what -f json and -f jsonl print");
    }
    is_document = object.at_key("ts").error() != simdjson::SUCCESS;
    if (is_document) {
        read_document(object);
    } else {
        read_line(object);
    }
}

SnapshotParser::Impl::Slot SnapshotParser::Impl::slot_of(std::string_view name, bool is_row_of_document)
{
    constexpr std::array<std::pair<std::string_view, Part>, 9> names{{{"schema", Part::schema},
                                                                      {"ts", Part::started_at},
                                                                      {"started_at", Part::started_at},
                                                                      {"duration_ns", Part::duration},
                                                                      {"by", Part::by},
                                                                      {"complete", Part::complete},
                                                                      {"backend", Part::backend},
                                                                      {"host", Part::host},
                                                                      {"boot_id", Part::boot_id}}};
    Slot slot;
    slot.name = name;
    const auto* part =
        std::find_if(names.begin(), names.end(), [name](const auto& each) { return each.first == name; });
    if (!is_row_of_document && part != names.end()) {
        slot.part = part->second;
    } else {
        const Column* column = find_column(name);
        slot.column = column != nullptr && column->parse != nullptr ? column : nullptr;
    }
    return slot;
}

const SnapshotParser::Impl::Slot& SnapshotParser::Impl::learn_slot(Order& order, std::size_t place,
                                                                   std::string_view name, bool is_row_of_document)
{
    constexpr std::size_t most = 256; // members; limits the memory for an object that has more
    const std::size_t end = std::min(place, most);
    order.resize(std::max(order.size(), end + 1));
    return order[end] = slot_of(name, is_row_of_document);
}

void SnapshotParser::Impl::read_time(std::string_view name, std::string_view text)
{
    if (text != time_text || text.empty()) {
        const auto parsed = parse_timestamp(text);
        if (!parsed) {
            throw wrong_type(name, "a time such as 2026-11-20T21:32:00.123456Z");
        }
        time_text = text;
        time = *parsed;
    }
    heading.started_at = time;
}

void SnapshotParser::Impl::read_keys(std::string_view name, std::string_view text)
{
    if (text == by_text && !text.empty()) {
        return;
    }
    if (text == GroupBy::sockets().name()) {
        throw std::runtime_error("report adds up samples, and this is output of socktally ports");
    }
    try {
        by = GroupBy(text);
    } catch (const std::invalid_argument&) {
        throw BadSnapshot(fmt::format("unknown value {} in {}", quote(text), quote(name)));
    }
    if (by.requires_any(Requirement::lookups)) {
        throw std::runtime_error("report adds up samples, and this is output of socktally dns");
    }
    by_text = text;
    settled = settled_columns(by);
}

void SnapshotParser::Impl::read_part(const Slot& slot, const dom::element& value)
{
    if ((parts & bit(slot.part)) != 0) {
        throw BadSnapshot(fmt::format("{} appears twice", quote(slot.name)));
    }
    parts |= bit(slot.part);
    switch (slot.part) {
    case Part::schema:
        if (const auto text = text_of(slot.name, value); text != schema) {
            throw BadSnapshot(fmt::format("the schema is {}, not {}", quote(text), quote(schema)));
        }
        break;
    case Part::started_at: read_time(slot.name, text_of(slot.name, value)); break;
    case Part::duration:
        heading.duration = std::chrono::nanoseconds(
            number_of(slot.name, value, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
        break;
    case Part::by: read_keys(slot.name, text_of(slot.name, value)); break;
    case Part::complete:
        if (value.get(heading.complete) != simdjson::SUCCESS) {
            throw wrong_type(slot.name, "true or false");
        }
        break;
    case Part::backend: heading.backend = text_of(slot.name, value); break;
    case Part::host:
    case Part::boot_id:
        if (!value.is_null()) {
            (slot.part == Part::host ? heading.host : heading.boot_id) = text_of(slot.name, value);
        }
        break;
    case Part::nothing: break;
    }
}

void SnapshotParser::Impl::read_line(const dom::object& object)
{
    begin_row();
    std::size_t place = 0;
    for (const auto& [name, value] : object) {
        const Slot& slot = find_slot(line_order, place++, name, false);
        if (slot.part != Part::nothing) {
            read_part(slot, value);
        } else {
            read_value(slot, value);
        }
    }
    require_parts();
    end_row();
}

void SnapshotParser::Impl::read_document(const dom::object& object)
{
    for (const auto& [name, value] : object) {
        if (const Slot slot = slot_of(name, false); slot.part != Part::nothing) {
            read_part(slot, value);
        }
    }
    if ((parts & bit(Part::schema)) == 0) {
        throw BadSnapshot("neither a snapshot nor a row of one");
    }
    require_parts();
    std::size_t lists = 0;
    for (const auto& [name, value] : object) {
        if (name == by.array()) {
            ++lists;
            if (value.get(rows) != simdjson::SUCCESS) {
                throw wrong_type(name, "an array");
            }
        }
    }
    if (lists != 1) {
        throw BadSnapshot(fmt::format("{} {}", lists == 0 ? "no array" : "two arrays", quote(by.array())));
    }
    for (const dom::element element : rows) {
        read_row_of_document(element);
    }
}

void SnapshotParser::Impl::read_row_of_document(const dom::element& element)
{
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
        throw BadSnapshot("a row is not an object");
    }
    begin_row();
    std::size_t place = 0;
    for (const auto& [name, value] : object) {
        read_value(find_slot(row_order, place++, name, true), value);
    }
    end_row();
}

void SnapshotParser::Impl::require_parts() const
{
    for (const auto& [part, name] :
         {std::pair(Part::started_at, is_document ? "started_at" : "ts"), std::pair(Part::duration, "duration_ns"),
          std::pair(Part::by, "by"), std::pair(Part::complete, "complete")}) {
        if ((parts & bit(part)) == 0) {
            throw BadSnapshot(fmt::format("{} is missing", quote(name)));
        }
    }
}

/// Clears the values of the last row. Makes a new identity if another row still uses the last identity.
void SnapshotParser::Impl::begin_row()
{
    origin.saved.reset();
    known.reset();
    row.identity.reset();
    row.facts.reset();
    if (identity.use_count() > 1) {
        identity = std::make_shared<Identity>(*identity);
    }
}

void SnapshotParser::Impl::read_value(const Slot& slot, const dom::element& value)
{
    if (slot.column == nullptr) {
        return; // a member that another program or a later version has added
    }
    const std::size_t index = index_of(*slot.column);
    if (origin.saved.test(index)) {
        throw BadSnapshot(fmt::format("{} appears twice", quote(slot.name)));
    }
    origin.saved.set(index);
    if (const SavedValue saved = value_of(*slot.column, value); !saved.is_null) {
        put(*slot.column, saved);
    }
}

void SnapshotParser::Impl::put(const Column& column, const SavedValue& value)
{
    filled.set(index_of(column));
    known.set(index_of(column));
    if (!column.parse(row, *identity, value)) {
        throw BadSnapshot(fmt::format("unknown value {} in {}", quote(value.text), quote(column.name)));
    }
}

/// Clears the values that earlier rows have left in `row`. Then derives values from those that were saved.
void SnapshotParser::Impl::end_row()
{
    static const Column& host = *find_column("host");
    static const std::size_t time_index = index_of(*find_column("time"));
    static const std::size_t unknown_index = index_of(*find_column("unknown_connections"));
    static const std::size_t process_index = index_of(*find_column("process"));
    if (!known.test(index_of(host)) && heading.host) { // a row saved by `report` may have a host of its own
        put(host, {.text = *heading.host});
    }
    const ColumnSet left = filled & ~known;
    for (std::size_t i = 0; left.any() && i < columns().size(); ++i) {
        if (left.test(i)) {
            columns()[i].parse(row, *identity, {.is_null = true});
        }
    }
    filled = known;
    if (!known.test(time_index)) {
        row.time = heading.started_at;
    }
    if (row.unknown_connections == 0 && (!row.rx_bytes || !row.tx_bytes)) {
        row.unknown_connections = std::max<std::uint64_t>(row.connections.value_or(1), 1);
        filled.set(unknown_index);
    }
    end_identity();
    if (row.is_other()) {
        row = rest_of(row);
        filled.set(process_index);
    }
    origin.by = &by;
    origin.boot_id = heading.boot_id.value_or("");
    origin.told = known | (origin.saved & settled);
}

void SnapshotParser::Impl::end_identity()
{
    static const std::size_t container = index_of(*find_column("container"));
    if (identity->container_id && !identity->container) {
        identity->container = identity->container_id->substr(0, 12);
        known.set(container);
        filled.set(container);
    }
    identity->pod_uid = identity->pod && is_pod_uid(*identity->pod) ? identity->pod : std::nullopt;
    static const Identity unknown;
    if (*identity != unknown) {
        row.identity = identity;
    }
}

} // namespace socktally
