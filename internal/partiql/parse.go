package partiql

import (
	"strconv"

	"github.com/statordb/stator/internal/ddberr"
)

// Parse reads a statement:
//
//	SELECT * | path, … FROM table[.index] [WHERE condition] [ORDER BY key [ASC|DESC], …]
//	INSERT INTO table VALUE {…}
//	UPDATE table (SET path = value, … | REMOVE path)… WHERE condition [RETURNING (ALL|MODIFIED) (OLD|NEW) *]
//	FROM table WHERE condition (SET … | REMOVE …)… [RETURNING …]
//	DELETE FROM table WHERE condition [RETURNING …]
//	EXISTS(SELECT …)
//
// with or without a semicolon behind it.
func Parse(text string) (*Statement, *ddberr.Fault) {
	s := &Statement{text: text}
	p := parser{lexer: lexer{src: text}}
	p.next()
	p.statement(s)
	p.accept(tokSemicolon)
	if p.tok != tokEOF {
		p.fail(badEnd)
	}
	s.params = p.params
	switch {
	case p.fault != nil:
		return nil, p.fault
	case p.alias:
		return nil, ddberr.StatementAlias.Fault()
	}
	if f := s.checkFrom(); f != nil {
		return nil, f
	}
	if s.kind == Delete && (s.returning.Modified || s.returning.New) {
		return nil, ddberr.StatementReturning.Fault(s.returning.String())
	}
	return s, s.foldAll()
}

// foldAll folds all expressions of s.
func (s *Statement) foldAll() *ddberr.Fault {
	if s.value != nil {
		for _, kid := range s.value.kids { // each is a root of its own for texts
			if f := s.fold(kid); f != nil {
				return f
			}
		}
	}
	for _, c := range s.changes {
		if f := s.fold(c.value); f != nil {
			return f
		}
	}
	return s.fold(s.where)
}

// checkFrom checks how many components the name of the table has.
func (s *Statement) checkFrom() *ddberr.Fault {
	for _, component := range s.from {
		if component == "" {
			return ddberr.StatementFromEmpty.Fault()
		}
	}
	switch {
	case len(s.from) == 1:
		return nil
	case s.kind == Insert:
		return ddberr.StatementIntoIndex.Fault()
	case len(s.from) > 2:
		return ddberr.StatementFromLong.Fault()
	case s.kind == Update || s.kind == Delete:
		return ddberr.StatementOnIndex.Fault()
	}
	return nil
}

func (p *parser) statement(s *Statement) {
	switch {
	case p.word("SELECT"):
		p.selection(s)
	case p.word("INSERT"):
		p.insert(s)
	case p.word("UPDATE"):
		s.kind = Update
		p.table(s)
		p.changes(s)
		p.where(s)
		p.returning(s)
	case p.word("FROM"):
		s.kind = Update
		p.table(s)
		p.where(s)
		p.changes(s)
		p.returning(s)
	case p.word("DELETE"):
		s.kind = Delete
		if !p.word("FROM") {
			p.fail(badStatement)
		}
		p.table(s)
		p.where(s)
		p.returning(s)
	case p.word("EXISTS"):
		p.expect(tokOpen, badStatement)
		if !p.word("SELECT") {
			p.fail(badStatement)
		}
		p.selection(s)
		s.kind = Exists
		p.expect(tokClose, badTerm)
	default:
		p.fail(badStatement)
	}
}

func (p *parser) selection(s *Statement) {
	if !p.accept(tokStar) {
		s.projection = p.projection()
	}
	if !p.word("FROM") {
		p.fail(badTerm)
	}
	p.table(s)
	p.where(s)
	if p.word("ORDER") {
		p.order(s)
	}
}

// projection reads the columns of a SELECT.
func (p *parser) projection() *Projection {
	var columns []column
	for {
		c := column{}
		n := p.term()
		if n.kind == nodePath {
			c.path, c.name = n.path, n.path[len(n.path)-1].Name()
			// PartiQL names a column that has no name by its place.
			if n.path[len(n.path)-1].IsIndex() {
				c.name = "_" + strconv.Itoa(len(columns)+1)
			}
		} else {
			c.bad = &n.span
		}
		columns = append(columns, c)
		p.aliases()
		if !p.accept(tokComma) {
			return newProjection(columns)
		}
	}
}

// table reads the name of a table, or of a table and an index, and an alias.
func (p *parser) table(s *Statement) {
	s.from = append(s.from, p.name())
	for p.accept(tokDot) {
		s.from = append(s.from, p.name())
	}
	if s.kind != Insert {
		p.aliases()
	}
}

// aliases reads [AS] name, which the service knows and refuses.
func (p *parser) aliases() {
	if p.word("AS") || p.isName() {
		p.alias = true
		p.name()
	}
}

func (p *parser) where(s *Statement) {
	if p.word("WHERE") {
		s.where = p.expression()
	}
}

func (p *parser) order(s *Statement) {
	if !p.word("BY") {
		p.fail(badTerm)
	}
	for {
		key := orderKey{name: p.name()}
		if p.word("DESC") {
			key.descending = true
		} else {
			p.word("ASC")
		}
		s.order = append(s.order, key)
		if !p.accept(tokComma) {
			return
		}
	}
}

func (p *parser) insert(s *Statement) {
	s.kind = Insert
	if !p.word("INTO") {
		p.fail(badStatement)
	}
	p.table(s)
	if !p.word("VALUE") {
		p.fail(badEnd)
	}
	s.value = p.sum()
}

// changes reads one or more SET and REMOVE.
func (p *parser) changes(s *Statement) {
	for {
		switch {
		case p.word("SET"):
			p.set(s)
			for p.accept(tokComma) {
				p.set(s)
			}
		case p.word("REMOVE"):
			s.changes = append(s.changes, change{path: p.path()})
		default:
			if s.changes == nil {
				p.fail(badStatement)
			}
			return
		}
	}
}

func (p *parser) set(s *Statement) {
	c := change{path: p.path()}
	p.expect(tokEq, badTerm)
	c.value = p.sum()
	s.changes = append(s.changes, c)
}

func (p *parser) returning(s *Statement) {
	if !p.word("RETURNING") {
		return
	}
	r := Returning{Given: true}
	if r.Modified = p.word("MODIFIED"); !r.Modified && !p.word("ALL") {
		p.fail(badTerm)
	}
	if r.New = p.word("NEW"); !r.New && !p.word("OLD") {
		p.fail(badTerm)
	}
	p.expect(tokStar, badTerm)
	s.returning = r
}
