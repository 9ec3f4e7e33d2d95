//! Walks into objects and arrays. Like gjson, it reads on until it finds a value, even past
//! unbalanced brackets, and skips values that do not lead to one. So the second member of a
//! repeated name can be the one found.

use crate::{
    error::Error,
    get::get,
    limits::{List, Work, deeper},
    number,
    path::{ArraySegment, KeySegment, Rest, split_at_pipe},
    query::Query,
    scan::string_end,
    text::{Text, unquoted},
    value::{Kind, RawValue, Value},
};

/// A search in one document.
pub(crate) struct Search<'j, 'p, 'w> {
    json: &'j [u8],
    work: &'w Work,
    /// The value found so far.
    pub(crate) value: Value<'j>,
    /// The path to apply to it.
    pub(crate) pipe: Option<&'p [u8]>,
}

/// Where a part of a search ended, and whether it found a value.
type SearchEnd = Result<(usize, bool), Error>;

impl<'j, 'p, 'w> Search<'j, 'p, 'w> {
    pub(crate) fn new(json: &'j [u8], work: &'w Work) -> Self {
        Self { json, work, value: Value::MISSING, pipe: None }
    }

    /// Searches the first object or array of the document.
    pub(crate) fn document(&mut self, path: &'p [u8], depth: usize) -> Result<(), Error> {
        match self.json.iter().position(|byte| b"{[".contains(byte)) {
            Some(at) => self.container(at, path, depth).map(drop),
            None => Ok(()),
        }
    }

    /// Searches the lines of the document as if they were elements of an array.
    pub(crate) fn lines(&mut self, path: &'p [u8], depth: usize) -> Result<(), Error> {
        self.array(0, path, deeper(depth)?).map(drop)
    }

    fn container(&mut self, at: usize, path: &'p [u8], depth: usize) -> SearchEnd {
        self.work.spend(path.len())?;
        let depth = deeper(depth)?;
        if self.json[at] == b'{' {
            self.object(at + 1, path, depth)
        } else {
            self.array(at + 1, path, depth)
        }
    }

    /// Searches an object from after its opening bracket.
    fn object(&mut self, mut at: usize, path: &'p [u8], depth: usize) -> SearchEnd {
        let json = self.json;
        let name = KeySegment::read(path);
        self.pipe_to(name.next);
        while at < json.len() {
            let quote_or_end = json[at..].iter().position(|byte| b"\"}".contains(byte));
            let Some(skipped) = quote_or_end else { break };
            at += skipped;
            if json[at] == b'}' {
                return Ok((at + 1, false));
            }
            let Some(end) = string_end(json, at) else { break };
            let is_match = name.matches(unquoted(&json[at..end]).as_slice(), self.work)?;
            let value = (end..json.len()).find_map(|at| Some((at, Kind::at(json, at)?)));
            let Some((start, kind)) = value else { break };
            let is_found;
            (at, is_found) = if is_match {
                self.descend(start, kind, name.next, depth)?
            } else {
                (RawValue::read(json, start, kind).map_or(json.len(), |(_, end)| end), false)
            };
            if is_found {
                return Ok((at, true));
            }
        }
        // This is the end of the document, or one more if it ends inside a string in brackets.
        Ok((at.max(json.len()), false))
    }

    /// Continues at the value of a matching segment.
    fn descend(&mut self, start: usize, kind: Kind, next: Rest<'p>, depth: usize) -> SearchEnd {
        let is_last = !matches!(next, Rest::Dot(_));
        if let Rest::Dot(path) = next
            && kind.is_container()
        {
            return self.container(start, path, depth);
        }
        let Some((value, end)) = RawValue::read(self.json, start, kind) else {
            return Ok((self.json.len(), false));
        };
        if is_last {
            self.value = value.value();
        }
        Ok((end, is_last))
    }

    /// Searches an array from after its opening bracket, or the lines of a document from its start.
    fn array(&mut self, mut at: usize, path: &'p [u8], depth: usize) -> SearchEnd {
        let json = self.json;
        let segment = ArraySegment::read(path);
        self.pipe_to(segment.next);
        let index = if segment.has_hash { None } else { number::parse_index(segment.name) };
        let mut chosen = List::new(b"[");
        let mut starts = Vec::new();
        let mut count = 0;
        while at <= json.len() {
            if segment.each.is_some() {
                starts.push(at);
            }
            let (start, kind) = element(json, at);
            let Some(kind) = kind else {
                let is_found = self.array_end(&segment, count, &starts, chosen, depth)?;
                return Ok((start + 1, is_found));
            };
            let is_found;
            if index == Some(count) {
                (at, is_found) = self.descend(start, kind, segment.next, depth)?;
            } else {
                let Some((value, end)) = RawValue::read(json, start, kind) else { break };
                at = end;
                is_found = match &segment.query {
                    Some(query) => {
                        self.apply_query(query, segment.next, value, &mut chosen, depth)?
                    }
                    None => false,
                };
            }
            if is_found {
                return Ok((at, true));
            }
            count += 1;
        }
        Ok((at, false))
    }

    /// Takes the value of an element that matches the query. Returns whether the search is over.
    fn apply_query(
        &mut self,
        query: &Query<'p>,
        next: Rest<'p>,
        element: RawValue<'j>,
        chosen: &mut List,
        depth: usize,
    ) -> Result<bool, Error> {
        let compared = match query.path {
            path if element.kind.is_container() => get(element.raw, path, depth, self.work)?,
            b"" => element.value(),
            _ => return Ok(false),
        };
        if !query.matches(compared.as_raw(), self.work)? {
            return Ok(false);
        }
        let value = match next {
            Rest::Dot(path) => get(element.raw, self.split(path)?, depth, self.work)?,
            Rest::End | Rest::Pipe(_) => element.value(),
        };
        if !query.is_all {
            self.value = value;
            return Ok(true);
        }
        if value.as_raw().exists() {
            chosen.push(&[value.as_raw().raw]);
        }
        Ok(false)
    }

    /// Takes the result at the end of an array: its length, the collected values, or nothing.
    fn array_end(
        &mut self,
        segment: &ArraySegment<'p>,
        len: u64,
        starts: &[usize],
        chosen: List,
        depth: usize,
    ) -> Result<bool, Error> {
        if segment.name == b"#" {
            self.value = match segment.each {
                Some(path) => self.each(path, starts, depth)?,
                None => Value::new(Kind::Number, Text::Owned(len.to_string().into_bytes().into())),
            };
            return Ok(true);
        }
        let is_all = segment.query.as_ref().is_some_and(|query| query.is_all);
        if is_all && !self.value.as_raw().exists() {
            self.value = Value::new(Kind::Array, Text::Owned(chosen.finish(b"]")?));
        }
        Ok(false)
    }

    /// Collects the values at a path of each element. Elements without the path are left out.
    fn each(&mut self, path: &'p [u8], starts: &[usize], depth: usize) -> Result<Value<'j>, Error> {
        let path = self.split(path)?;
        let mut list = List::new(b"[");
        for start in starts {
            let rest = &self.json[*start..];
            let first = rest.iter().find(|byte| !b" \t\r\n".contains(byte));
            if first.is_none_or(|byte| *byte == b']') {
                continue;
            }
            let Some((element, _)) = RawValue::next(rest, 0) else { continue };
            let value = get(element.raw, path, depth, self.work)?;
            if value.as_raw().exists() {
                list.push(&[value.as_raw().raw]);
            }
        }
        Ok(Value::new(Kind::Array, Text::Owned(list.finish(b"]")?)))
    }

    /// Returns the path to apply to each element. The path to apply to all of them becomes the
    /// pipe.
    fn split(&mut self, path: &'p [u8]) -> Result<&'p [u8], Error> {
        self.work.spend(path.len())?;
        let Some((each, all)) = split_at_pipe(path) else { return Ok(path) };
        self.pipe = Some(all);
        Ok(each)
    }

    fn pipe_to(&mut self, next: Rest<'p>) {
        if let Rest::Pipe(path) = next {
            self.pipe = Some(path);
        }
    }
}

/// The next element at or after `from`, or the end of the array.
fn element(json: &[u8], from: usize) -> (usize, Option<Kind>) {
    for (at, byte) in json.iter().enumerate().skip(from) {
        let kind = Kind::at(json, at);
        if kind.is_some() || *byte == b']' {
            return (at, kind);
        }
    }
    (json.len(), None)
}
